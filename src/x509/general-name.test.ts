import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDer } from './der.ts'
import { implicit, sequence } from './der-writer.ts'
import { encodeAlternativeNames, readAlternativeNames } from './general-name.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const dns = (name: string): Uint8Array => implicit(2, Buffer.from(name, 'latin1'))

describe('subject alternative names', () => {
  it('are read as they were written', () => {
    const identifiers = [
      { type: 'dns', value: '*.example.com' },
      { type: 'ip', value: '192.0.2.1' },
      { type: 'ip', value: '2001:db8::1' },
    ] as const
    const read = readAlternativeNames(parseDer(encodeAlternativeNames(identifiers)))
    assert.deepEqual(read, { identifiers, others: 0 })
  })

  it('are read in lower case, underscores and single labels included; other kinds are counted', () => {
    const mail = implicit(1, Buffer.from('a@example.com'))
    assert.deepEqual(readAlternativeNames(parseDer(sequence(dns('_A.Example'), mail, dns('host')))), {
      identifiers: [
        { type: 'dns', value: '_a.example' },
        { type: 'dns', value: 'host' },
      ],
      others: 1,
    })
  })

  for (const [name, given] of [
    ['none at all', sequence()],
    ['an empty name', sequence(dns(''))],
    ['a NUL', sequence(dns('example.com\0.example.net'))],
    ['white space', sequence(dns('example.com '))],
    ['what is not ASCII', sequence(dns('é.example'))],
    ['an address of no known length', sequence(implicit(7, new Uint8Array(8)))],
  ] as const) {
    it(`refuse ${name}`, () => assert.throws(() => readAlternativeNames(parseDer(given)), formatError))
  }
})
