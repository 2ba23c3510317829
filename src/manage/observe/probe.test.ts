import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { instant } from '../../base/instant.ts'
import type { ProbeTls } from '../../runtime/network.ts'
import { fakeResolver } from '../../testing/fake-network.ts'
import { type TestServerCertificate, testAuthority } from '../../testing/test-authority.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { probeEndpoint } from './probe.ts'

const endpoint = { host: 'a.test', port: 443, source: '/c' }
const signal = new AbortController().signal

describe('what an endpoint serves', () => {
  let certificates: readonly TestServerCertificate[]
  before(async () => {
    const authority = await testAuthority(instant(Date.UTC(2026, 0, 1)))
    const issue = () => authority.issue([{ type: 'dns', value: 'a.test' }])
    certificates = [await issue(), await issue()]
  })
  const fingerprint = (index: number) =>
    parseCertificate(certificates[index]?.leafDer ?? Uint8Array.of()).fingerprint

  /** Which of the certificates is shown at each address, or the code of why none is. */
  async function probe(
    shown: Readonly<Record<string, number | string>>,
    resolver = fakeResolver({ 'a.test': Object.keys(shown) }),
  ) {
    const asked: string[] = []
    const probeTls: ProbeTls = async ({ host, serverName }) => {
      asked.push(`${serverName ?? '-'}@${host}`)
      const what = shown[host]
      const certificate = typeof what === 'number' ? certificates[what] : undefined
      if (certificate === undefined) {
        const cause = Object.assign(new Error('none'), { code: what })
        throw new AppError('ERR_NETWORK', `nothing at ${host}`, { cause })
      }
      return { leaf: certificate.leafDer, chain: [certificate.leafDer], protocol: 'TLSv1.3' }
    }
    const result = await probeEndpoint(endpoint, { signal }, { probeTls, resolver })
    assert.equal(result.endpoint, endpoint, 'as it was asked for')
    return { asked, result }
  }

  it('is what every address shows', async () => {
    const { asked, result } = await probe({ '192.0.2.1': 0, '192.0.2.2': 0 })
    assert.deepEqual(asked, ['a.test@192.0.2.1', 'a.test@192.0.2.2'])
    assert.equal(result.fingerprint, fingerprint(0))
  })

  it('is nothing where one address shows another one, or nothing', async () => {
    const differing = await probe({ '192.0.2.1': 0, '192.0.2.2': 1 })
    assert.equal(differing.result.fingerprint, undefined)
    assert.match(
      differing.result.failure ?? '',
      /different certificates: 192\.0\.2\.1 one that ends 2026-01-02.*, 192\.0\.2\.2 one/,
    )
    const silent = await probe({ '192.0.2.1': 0, '192.0.2.2': 'ECONNREFUSED' })
    assert.deepEqual(silent.result, { endpoint, failure: 'nothing at 192.0.2.2' })
  })

  it('does not depend on addresses that this machine has no way to', async () => {
    const { result } = await probe({ '2001:db8::1': 'ENETUNREACH', '192.0.2.1': 1 })
    assert.equal(result.fingerprint, fingerprint(1))
    const nowhere = await probe({ '2001:db8::1': 'ENETUNREACH', '192.0.2.1': 'EHOSTUNREACH' })
    assert.equal(nowhere.result.failure, 'nothing at 2001:db8::1')
  })

  it('is left to the system where the resolver does not know the name', async () => {
    const { asked, result } = await probe({ 'a.test': 0 }, fakeResolver({}))
    assert.deepEqual(asked, ['-@a.test'])
    assert.equal(result.fingerprint, fingerprint(0))
    const failing = { addresses: () => Promise.reject(new AppError('ERR_TIMEOUT', 'no DNS server answers')) }
    assert.equal((await probe({ 'a.test': 0 }, failing)).result.fingerprint, fingerprint(0))
  })
})
