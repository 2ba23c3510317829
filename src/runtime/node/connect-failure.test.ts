import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connectFailure } from './connect-failure.ts'

const cases = [
  {
    code: 'ECONNREFUSED',
    message: /^cannot connect to ca\.test:443: nothing listens there$/,
    hint: /server runs/,
  },
  { code: 'ENOTFOUND', message: /no such name in DNS/, hint: /spelled/ },
  { code: 'EAI_AGAIN', message: /no DNS server answers/, hint: /resolver/ },
  { code: 'ENETUNREACH', message: /no route/, hint: /firewall/ },
  {
    code: 'SELF_SIGNED_CERT_IN_CHAIN',
    message: /root that is not trusted/,
    hint: /trust: \(or --trust FILE\)/,
  },
  { code: 'CERT_HAS_EXPIRED', message: /expired/, hint: /clock/ },
  { code: 'UNHEARD_OF', message: /: the original\\u\{1b\} message$/, hint: undefined },
]

describe('a connection failure', () => {
  for (const { code, message, hint } of cases) {
    it(`explains ${code}`, () => {
      const cause = Object.assign(new Error('the original\u001b message'), { code })
      const error = connectFailure(cause, 'ca.test:443')
      assert.equal(error.code, 'ERR_NETWORK')
      assert.equal(error.cause, cause)
      assert.match(error.message, message)
      if (hint === undefined) assert.equal(error.hint, undefined)
      else assert.match(error.hint ?? '', hint)
    })
  }
})
