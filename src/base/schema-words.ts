/** What the schema library says is wrong, in words for people who do not write TypeScript. */

/** `Invalid type: Expected Array but received "a"` becomes `must be a list, found "a"`; other texts stay. */
export function plainWords(text: string): string {
  const match = /^Invalid [a-z ]+: (?:Expected (.+) but received|Received) (.+)$/s.exec(text)
  const [, expected, received = ''] = match ?? []
  if (match === null) return text
  if (received === 'undefined') return 'is missing'
  if (expected === undefined) return `cannot be ${received}`
  return `must be ${plainType(expected)}, found ${received === 'null' ? 'nothing' : received}`
}

function plainType(expected: string): string {
  const [, relation, bound = ''] = /^([<>])=(.+)$/.exec(expected) ?? []
  if (relation !== undefined) return `at ${relation === '<' ? 'most' : 'least'} ${bound}`
  if (expected.startsWith('(')) return `one of ${expected.replaceAll(/[()"]/g, '').replaceAll(' | ', ', ')}`
  return plainTypes[expected] ?? expected
}

const plainTypes: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'a map of keys',
  boolean: 'true or false',
  number: 'a number',
  string: 'a text',
}
