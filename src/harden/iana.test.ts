import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ianaName } from './iana.ts'
import { dheCiphers, profileValues } from './profiles.ts'

// As `openssl ciphers -stdname` prints them.
const names = {
  'ECDHE-ECDSA-AES128-GCM-SHA256': 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'ECDHE-RSA-CHACHA20-POLY1305': 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'ECDHE-RSA-AES256-SHA384': 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384',
  'ECDHE-RSA-AES128-SHA': 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
  'AES256-GCM-SHA384': 'TLS_RSA_WITH_AES_256_GCM_SHA384',
  'AES128-SHA256': 'TLS_RSA_WITH_AES_128_CBC_SHA256',
  'AES256-SHA': 'TLS_RSA_WITH_AES_256_CBC_SHA',
  'DES-CBC3-SHA': 'TLS_RSA_WITH_3DES_EDE_CBC_SHA',
  'DHE-RSA-AES128-GCM-SHA256': 'TLS_DHE_RSA_WITH_AES_128_GCM_SHA256',
}

for (const [openssl, iana] of Object.entries(names)) {
  test(`${openssl} is ${iana}`, () => assert.equal(ianaName(openssl), iana))
}

test('no two of our ciphers have the same name', () => {
  const all = [...profileValues.old.ciphers, ...dheCiphers].map(ianaName)
  assert.equal(new Set(all).size, all.length)
  for (const name of all)
    assert.match(name, /^TLS_(ECDHE_ECDSA|ECDHE_RSA|DHE_RSA|RSA)_WITH_[A-Z0-9_]+_SHA\d*$/)
})
