import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import type { CertificatePlace } from '../server/place.ts'
import { payload, updateLoaded } from './runtime-api.ts'

const authority = await testAuthority(instant(Date.UTC(2026, 10, 1)))
const [old, renewed] = [
  await authority.issue([parseIdentifier('a.test')]),
  await authority.issue([parseIdentifier('a.test')]),
]
const place = (file: string): CertificatePlace => ({
  ...{ certificateFile: file, keyFile: file, source: '', endpoints: [] },
})

/** An HAProxy that has loaded `/c/a.pem` with the old certificate, and is told of the new one. */
async function tell(answers: Readonly<Record<string, string>> = {}, files: readonly string[] = ['/c/a.pem']) {
  const said: string[] = []
  const runtime = fakeRuntime({
    askSocket: async (_path: string, text: string) => {
      const command = text.split(' ').slice(0, 3).join(' ').trim()
      said.push(command)
      const fingerprint = createHash('sha1').update(old.leafDer).digest('hex').toUpperCase()
      const usual: Readonly<Record<string, string>> = {
        'show ssl cert': text.includes('/c/')
          ? `\nSHA1 FingerPrint: ${fingerprint}\n`
          : '# filename\n/c/a.pem\n*/c/old.pem\n\n',
        'set ssl cert': 'Transaction created for certificate /c/a.pem!\n',
        'commit ssl cert': 'Committing /c/a.pem.\nSuccess!\n',
        'abort ssl cert': 'Transaction aborted for certificate /c/a.pem!\n',
      }
      return answers[command] ?? usual[command] ?? 'Unknown command\n'
    },
  })
  await runtime.files.put('/c/a.pem', renewed.key + renewed.cert)
  await runtime.files.put('/c/old.pem', old.key + old.cert)
  const signal = AbortSignal.timeout(10_000)
  const done = updateLoaded(files.map(place), { path: '/run/h.sock', runtime, signal })
  return { said, done }
}

const [show, set, commit, abort] = ['show', 'set', 'commit', 'abort'].map(verb => `${verb} ssl cert`)

test('a certificate is set and committed', async () => {
  const { said, done } = await tell()
  await done
  assert.deepEqual(said, [show, show, set, commit])
})

test('a file that HAProxy has not loaded is left to its next start', async () => {
  const { said, done } = await tell({}, ['/c/other.pem'])
  await done
  assert.deepEqual(said, [show])
})

test('what HAProxy has already is not set again', async () => {
  const { said, done } = await tell({}, ['/c/old.pem'])
  await done
  assert.deepEqual(said, [show, show])
})

test('a refused certificate is taken back', async () => {
  const { said, done } = await tell({
    [commit ?? '']: 'inconsistencies between private key and certificate\n',
  })
  await assert.rejects(done, { code: 'ERR_DEPLOY', message: /inconsistencies/ })
  assert.deepEqual(said, [show, show, set, commit, abort])
})

test('a socket without the right level', async () => {
  const { done } = await tell({ [show ?? '']: 'Permission denied\n' })
  await assert.rejects(done, { code: 'ERR_DEPLOY', message: /Permission denied/ })
})

test('a payload has no empty line, which would be its end', () => {
  assert.equal(payload('a\r\n\r\nb\n\n \nc'), 'a\nb\nc\n')
})
