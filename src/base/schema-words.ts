/** What the schema library says is wrong, in words for people who do not write TypeScript. */

/** `Invalid type: Expected Array but received "a"` becomes `must be a list, found "a"`; other texts stay. */
export function plainWords(text: string): string {
  const match = /^Invalid [a-z ]+: (?:Expected (.+) but received|Received) (.+)$/s.exec(text)
  const [, expected, received = ''] = match ?? []
  if (match === null) return text
  if (received === 'undefined') return 'is missing'
  if (expected === undefined) return `cannot be ${received}`
  const found = received === 'null' ? 'nothing' : received
  return `must be ${plainType(expected)}, found ${found}${howToWrite(expected, received)}`
}

/** The two mistakes that are made most: a text for a list, and keys that are not indented. */
function howToWrite(expected: string, received: string): string {
  if (expected === 'Object' && received === 'null')
    return '; its keys have to stand further to the right than it does'
  const [, words] = expected === 'Array' ? (/^"([\w./:@ -]+)"$/.exec(received) ?? []) : []
  return words === undefined ? '' : `; write [${words.trim().split(/ +/).join(', ')}]`
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
