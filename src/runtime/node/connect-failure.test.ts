import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connectFailure } from './connect-failure.ts'

const cases = [
  {
    code: 'ECONNREFUSED',
    lasting: false,
    message: /^cannot connect to ca\.test:443: nothing listens there$/,
    hint: /server runs/,
  },
  { code: 'ENOTFOUND', lasting: false, message: /no such name in DNS/, hint: /spelled/ },
  { code: 'EAI_AGAIN', lasting: false, message: /no DNS server answers/, hint: /resolver/ },
  { code: 'ENETUNREACH', lasting: false, message: /no route/, hint: /firewall/ },
  {
    code: 'SELF_SIGNED_CERT_IN_CHAIN',
    lasting: true,
    message: /root that is not trusted/,
    hint: /trust: \(or --trust FILE\)/,
  },
  { code: 'CERT_HAS_EXPIRED', lasting: true, message: /expired/, hint: /clock/ },
  { code: 'ERR_TLS_CERT_ALTNAME_INVALID', lasting: true, message: /for another name/, hint: /right/ },
  { code: 'PATH_LENGTH_EXCEEDED', lasting: true, message: /original/, hint: undefined },
  { code: 'ERR_SSL_WRONG_VERSION_NUMBER', lasting: true, message: /not speak TLS/, hint: /port/ },
  {
    code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    lasting: false,
    message: /nothing in common/,
    hint: /no certificate/,
  },
  { code: 'UNHEARD_OF', lasting: false, message: /: the original\\u\{1b\} message$/, hint: undefined },
]

describe('a connection failure', () => {
  for (const { code, lasting, message, hint } of cases) {
    it(`explains ${code}`, () => {
      const cause = Object.assign(new Error('the original\u001b message'), { code })
      const error = connectFailure(cause, 'ca.test:443')
      assert.equal(error.code, 'ERR_NETWORK')
      assert.equal(error.cause, cause)
      assert.equal(error.lasting, lasting)
      assert.match(error.message, message)
      if (hint === undefined) assert.equal(error.hint, undefined)
      else assert.match(error.hint ?? '', hint)
    })
  }

  it('leaves out where in OpenSSL a message comes from', () => {
    const text =
      '406DC2:error:0A000419:SSL routines:ssl3_read_bytes:tlsv1 alert access denied:../deps/rec.c:918:'
    assert.match(connectFailure(new Error(text), 'ca.test:443').message, /: tlsv1 alert access denied$/)
  })
})
