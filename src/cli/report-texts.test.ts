import assert from 'node:assert/strict'
import test from 'node:test'
import { parseIdentifier } from '../acme/identifier.ts'
import { AppError } from '../base/errors.ts'
import { dayMs, instant, plusMs } from '../base/instant.ts'
import type { ApplyResult } from '../manage/apply-result.ts'
import { type CertificateSpec, parseSpecName } from '../manage/spec.ts'
import type { StoredCertificate } from '../manage/store/stored-certificate.ts'
import { describeResult } from './apply-text.ts'

const now = instant(Date.UTC(2026, 0, 1))
const name = parseSpecName('a.test')
assert.ok(name !== undefined)
const identifiers = [parseIdentifier('a.test')]
const authority = { id: 'ca', directory: 'https://ca.test/' }
const spec: CertificateSpec = {
  name,
  identifiers,
  keyType: 'ecdsa-p256',
  reuseKey: false,
  authority,
  fallbacks: [],
  solvers: [],
  renew: { windows: [] },
  deploy: [],
  source: '/c.yaml',
}
const file = '0'.repeat(64)
const certificate: StoredCertificate = {
  identifiers,
  keyType: 'ecdsa-p256',
  authority,
  orderUrl: 'https://ca.test/order/1',
  issuer: 'CN=Test',
  serialNumber: '01',
  fingerprint: 'ab'.repeat(32),
  notBefore: now,
  notAfter: plusMs(now, 90 * dayMs),
  generation: '000001-20260101T000000Z',
  storedAt: now,
  files: {
    'cert.pem': file,
    'chain.pem': file,
    'fullchain.pem': file,
    'privkey.pem': file,
    'combined.pem': file,
  },
}
const error = new AppError('ERR_DEPLOY_BROKEN_BEFORE', 'nginx does not accept it', { hint: 'repair it' })
const target = { target: 'nginx', endpoints: [], notes: [] }

const headings: readonly (Omit<ApplyResult, 'spec' | 'targets'> & { readonly heading: string })[] = [
  { outcome: 'issued', certificate, heading: 'a.test: issued for a.test' },
  { outcome: 'failed', certificate, error, heading: 'a.test: issued for a.test' },
  { outcome: 'deployed', certificate, heading: 'a.test: delivered for a.test' },
  {
    outcome: 'failed',
    certificate,
    error,
    action: { spec, kind: 'deploy', certificate, reason: { code: 'deployment-failed', text: 'failed' } },
    heading: 'a.test: not delivered for a.test',
  },
  { outcome: 'failed', error, heading: 'a.test: FAILED' },
]

for (const { heading, ...result } of headings) {
  test(`${result.outcome}, ${result.action?.kind ?? 'no action'}: ${heading}`, () => {
    const targets = [{ ...target, ...(result.error !== undefined && { error: result.error }) }]
    const text = describeResult({ spec, targets, ...result }, { state: '/s', now, color: false })
    assert.equal(
      text.split('\n').find(line => line.startsWith('a.test')),
      heading,
    )
  })
}
