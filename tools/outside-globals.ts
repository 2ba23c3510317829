/** Finds globals that reach outside the process: time, timers, randomness, network, environment. */
import ts from 'typescript'

/** One use of such a global. */
export type GlobalUse = { readonly name: string; readonly line: number }

const functions = new Set(['fetch', 'setTimeout', 'setInterval', 'setImmediate'])
const members = new Set(['Date.now', 'Math.random', 'performance.now', 'process.env', 'process.argv'])

/** Every use in one source file; a name that the file declares itself is not the global. */
export function findOutsideGlobals(fileName: string, text: string): readonly GlobalUse[] {
  const source = ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true)
  const declared = declaredNames(source)
  const uses: GlobalUse[] = []
  visit(source, node => {
    const name = globalUsed(node)
    if (name === undefined || declared.has(name.split('.')[0] ?? name)) return
    uses.push({ name, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1 })
  })
  return uses
}

function globalUsed(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date') {
    return (node.arguments ?? []).length === 0 ? 'new Date()' : undefined
  }
  if (ts.isCallExpression(node) && node.expression.getText() === 'Date') return 'Date()'
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText().replace(/^globalThis\./, '')
    return members.has(text) || (functions.has(text) && text !== node.getText()) ? text : undefined
  }
  if (ts.isIdentifier(node) && functions.has(node.text) && isValue(node)) return node.text
  return undefined
}

// `clock.setTimeout`, `{ fetch: own }`, `type T = { fetch(): void }` name something else.
function isValue(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node
  return ts.isExpression(parent) || ts.isStatement(parent) || ts.isVariableDeclaration(parent)
}

function declaredNames(source: ts.SourceFile): ReadonlySet<string> {
  const names = new Set<string>()
  visit(source, node => {
    const declares =
      ts.isVariableDeclaration(node) ||
      ts.isParameter(node) ||
      ts.isBindingElement(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isImportSpecifier(node) ||
      ts.isImportClause(node)
    if (declares && node.name !== undefined && ts.isIdentifier(node.name)) names.add(node.name.text)
  })
  return names
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node)
  node.forEachChild(child => visit(child, look))
}
