import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { parseJsonObject } from './json.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const utf8 = (text: string): Uint8Array => Buffer.from(text)

describe('parseJsonObject', () => {
  it('reads every object that JSON can write', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), value => {
        const text = JSON.stringify(value)
        assert.deepEqual(parseJsonObject(utf8(text)), JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  const accepted = [
    '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}',
    '{"a":"a","b":"a"}',
    '{"a":"{\\"x\\":1,\\"x\\":2}"}',
    '{"a":["a","a"]}',
    '{"":1,"\\"":2,"\\\\":3}',
  ]
  for (const text of accepted) {
    it(`reads ${text}`, () => assert.deepEqual(parseJsonObject(utf8(text)), JSON.parse(text)))
  }

  const refused = [
    '',
    '[]',
    '"a"',
    'null',
    '{"a":1',
    '{"a":1}{"a":1}',
    '\ufeff{}',
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a":[{"b":1,"c":{},"b":2}]}',
    '{"x":{"a":1} , "y":[1,"x"], "x" : 1}',
    '{"__proto__":1,"__proto__":2}',
  ]
  for (const text of refused) {
    it(`refuses ${text || 'nothing'}`, () => assert.throws(() => parseJsonObject(utf8(text)), formatError))
  }

  it('refuses bytes that are not UTF-8', () => {
    assert.throws(() => parseJsonObject(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)), formatError)
  })
})
