import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { certificateId } from './cert-id.ts'
import { parseCertificate } from './certificate.ts'
import { parsePem } from './pem.ts'

// RFC 9773, appendix A
const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`

describe('certificateId', () => {
  const [certificate] = parsePem(example, 'CERTIFICATE').map(parseCertificate)
  assert.ok(certificate !== undefined)

  it('is the one of the example in RFC 9773', () => {
    assert.equal(certificateId(certificate), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
  })

  it('needs an authority key identifier', () => {
    const { authorityKeyIdentifier: _, ...without } = certificate
    assert.throws(() => certificateId(without), { name: 'AppError', code: 'ERR_FORMAT' })
  })
})
