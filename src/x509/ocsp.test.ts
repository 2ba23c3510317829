import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ocspResponder } from './ocsp.ts'

// Made by: openssl req -x509 -newkey ed25519 -nodes -subj /CN=a -days 36500 -addext authorityInfoAccess=...
const certificates = {
  'an issuer and a responder':
    'MIIBiTCCATugAwIBAgIUKsC9YUF3FC4hqMgYLLQpU67UkgswBQYDK2VwMAwxCjAIBgNVBAMMAWEwIBcNMjYxMTIxMDk0NTA2WhgPMjEyNjEwMjgwOTQ1MDZaMAwxCjAIBgNVBAMMAWEwKjAFBgMrZXADIQCQf/covUcBDPJFPII1kmDttzvrLPMvulnMHb5k+YzF7qOBrDCBqTAdBgNVHQ4EFgQUpMztpfPV6rhiXFQzE4o1aA9OdPMwHwYDVR0jBBgwFoAUpMztpfPV6rhiXFQzE4o1aA9OdPMwDwYDVR0TAQH/BAUwAwEB/zBWBggrBgEFBQcBAQRKMEgwIwYIKwYBBQUHMAKGF2h0dHA6Ly9jYS5leGFtcGxlL2kuZGVyMCEGCCsGAQUFBzABhhVodHRwOi8vb2NzcC5leGFtcGxlL3IwBQYDK2VwA0EAvdTrYCWdzzOqTB8IhtPR53nCycBjs/15AGhZBJLlNnofKKTH8AmWR7cKixvjvVQY2RmyYN+5ddnyl6N9a73OAw==',
  'an issuer alone':
    'MIIBZjCCARigAwIBAgIUNhln8QSlARnmMsm1LVPQtNFtFREwBQYDK2VwMAwxCjAIBgNVBAMMAWEwIBcNMjYxMTIxMDk0NTA2WhgPMjEyNjEwMjgwOTQ1MDZaMAwxCjAIBgNVBAMMAWEwKjAFBgMrZXADIQDXW0gRpwsJEbMrmTtqzpA16XDez2RwY39xX1O6QGVr0aOBiTCBhjAdBgNVHQ4EFgQUgnYL+0D5pUpqXlH5Y4hoxhx/ryEwHwYDVR0jBBgwFoAUgnYL+0D5pUpqXlH5Y4hoxhx/ryEwDwYDVR0TAQH/BAUwAwEB/zAzBggrBgEFBQcBAQQnMCUwIwYIKwYBBQUHMAKGF2h0dHA6Ly9jYS5leGFtcGxlL2kuZGVyMAUGAytlcANBAEkVAIiQTEml24EBpMDlT7fDsfQiK2TkrBnPVF2KHrjDDBc6UlodRYljsCF/+zcS5cMHmKwhyVvo6IvJLOpzEQc=',
  'no access at all':
    'MIIBLjCB4aADAgECAhQy/TICe2C1pqjH8KiXMAlcX6gBwTAFBgMrZXAwDDEKMAgGA1UEAwwBYTAgFw0yNjExMjEwOTQ1MDZaGA8yMTI2MTAyODA5NDUwNlowDDEKMAgGA1UEAwwBYTAqMAUGAytlcAMhAGxux7r0shzuu2RuVRCAppYr/W+GysH9pIKT12KD0J3ko1MwUTAdBgNVHQ4EFgQU/mWX4piaPOgcOda2DPHE8vdTI94wHwYDVR0jBBgwFoAU/mWX4piaPOgcOda2DPHE8vdTI94wDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQBQTJ7PbaeeyU3SMB/zoEUNm2IYEQnSgGs+uxxPYBUVygIxTguS2HPzjU6LF2qtf64wkO7itGn5CXHQfp4PujYG',
} as const

const expected = {
  'an issuer and a responder': 'http://ocsp.example/r',
  'an issuer alone': undefined,
  'no access at all': undefined,
}

for (const [name, base64] of Object.entries(certificates)) {
  test(name, () => {
    assert.equal(ocspResponder(Buffer.from(base64, 'base64')), expected[name as keyof typeof expected])
  })
}
