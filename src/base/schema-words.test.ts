import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseWith, v } from './schema.ts'

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9))
const cases: readonly { readonly schema: v.GenericSchema; readonly given: unknown; readonly text: string }[] =
  [
    { schema: v.array(v.string()), given: 'a', text: 'must be a list, found "a"; write [a]' },
    {
      schema: v.array(v.string()),
      given: 'systemctl reload x',
      text: 'must be a list, found "systemctl reload x"; write [systemctl, reload, x]',
    },
    { schema: v.array(v.string()), given: '[', text: 'must be a list, found "["' },
    {
      schema: v.strictObject({}),
      given: null,
      text: 'must be a map of keys, found nothing; its keys have to stand further to the right than it does',
    },
    { schema: v.string(), given: 5, text: 'must be a text, found 5' },
    { schema: v.boolean(), given: 'yes', text: 'must be true or false, found "yes"' },
    { schema: v.strictObject({ a: v.string() }), given: {}, text: 'is missing' },
    { schema: v.picklist(['a', 'b']), given: 'c', text: 'must be one of a, b, found "c"' },
    { schema: port, given: 10, text: 'must be at most 9, found 10' },
    { schema: port, given: 0, text: 'must be at least 1, found 0' },
    { schema: port, given: 1.5, text: 'cannot be 1.5' },
    { schema: v.literal('x'), given: 'y', text: 'must be "x", found "y"' },
    {
      schema: v.variant('s', [v.object({ s: v.picklist(['a', 'b']) }), v.object({ s: v.literal('c') })]),
      given: { s: 'd' },
      text: 'must be one of a, b, c, found "d"',
    },
    { schema: v.pipe(v.string(), v.nonEmpty('must not be empty')), given: '', text: 'must not be empty' },
  ]

describe('what is wrong with a value', () => {
  for (const { schema, given, text } of cases) {
    it(text, () => {
      const parsed = parseWith(schema, given)
      assert.deepEqual(parsed.ok ? [] : parsed.issues.map(issue => issue.text), [text])
    })
  }
})
