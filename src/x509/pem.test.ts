import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { encodePem, maxPemBlocks, maxPemLength, parsePem } from './pem.ts'

const formatError = { name: 'AppError', code: 'ERR_FORMAT' }
const block = encodePem('CERTIFICATE', Uint8Array.of(1, 2, 3))

describe('PEM', () => {
  it('is written in lines of 64 characters with a final line feed', () => {
    const text = encodePem('CERTIFICATE', new Uint8Array(49))
    assert.equal(text, `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\nAA==\n-----END CERTIFICATE-----\n`)
  })

  it('is read as it was written, with any line ends and blank lines between', () => {
    const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(contents, fc.constantFrom('\n', '\r\n', ' \n\n'), (blocks, lineEnd) => {
        const text = blocks
          .map(der => encodePem('X', der))
          .join('\n')
          .replaceAll('\n', lineEnd)
        assert.deepEqual(
          parsePem(text, 'X'),
          blocks.map(der => new Uint8Array(der)),
        )
      }),
    )
  })

  const refused = [
    { name: 'no text', given: '' },
    { name: 'text before the first block', given: `subject=x\n${block}` },
    { name: 'text between blocks', given: `${block}junk\n${block}` },
    { name: 'text after the last block', given: `${block}junk` },
    {
      name: 'a private key beside the certificate',
      given: block + encodePem('PRIVATE KEY', Uint8Array.of(1)),
    },
    { name: 'another label', given: encodePem('X509 CERTIFICATE', Uint8Array.of(1)) },
    { name: 'an end with another label', given: block.replace('END CERTIFICATE', 'END X') },
    { name: 'a block that does not end', given: block.replace('-----END CERTIFICATE-----', '') },
    { name: 'a block that does not begin', given: block.replace('-----BEGIN CERTIFICATE-----', 'AQID') },
    {
      name: 'a second block that does not end',
      given: block + block.replace('-----END CERTIFICATE-----', ''),
    },
    { name: 'a block inside a block', given: block.replace('\nAQID', `\n${block}`) },
    { name: 'an empty block', given: block.replace('AQID', '') },
    { name: 'headers inside a block', given: block.replace('AQID', 'Proc-Type: 4,ENCRYPTED\n\nAQID') },
    { name: 'base64url', given: block.replace('AQID', '-_-_') },
    { name: 'base64 without padding', given: block.replace('AQID', 'AQI') },
    { name: 'base64 with bits left over', given: block.replace('AQID', 'AQJ=') },
    { name: 'too many blocks', given: block.repeat(maxPemBlocks + 1) },
    { name: 'too much text', given: block + ' '.repeat(maxPemLength) },
  ]
  for (const { name, given } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => parsePem(given, 'CERTIFICATE'), formatError))
  }

  it('takes as many blocks as the longest chain has', () => {
    assert.equal(parsePem(block.repeat(maxPemBlocks), 'CERTIFICATE').length, maxPemBlocks)
  })

  it('shows nothing of a misplaced key in its errors', () => {
    const given = `MIGHAgEAMBMGByqGSM49\n${block}`
    assert.throws(
      () => parsePem(given, 'CERTIFICATE'),
      ({ message }: Error) => !message.includes('MIGH'),
    )
  })

  it('refuses everything else with ERR_FORMAT', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), text => {
        assert.throws(() => parsePem(`-----BEGIN X-----\n${text}`, 'X'), formatError)
      }),
    )
  })
})
