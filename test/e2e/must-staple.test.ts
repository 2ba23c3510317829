/** A certificate that needs an OCSP answer beside it, for those who ask for it. */
import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { test } from 'node:test'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { startWorld } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx', 'openssl')

test('must-staple is asked for with a warning, and is in the certificate', {
  skip,
  timeout: 60_000,
}, async () => {
  await using world = await startWorld()
  await appendFile(
    world.configFile,
    'certificates: { a.example: { must-staple: true, deploy: [] }, b.example: { deploy: [] } }\n',
  )
  const { exitCode, stderr } = await world.run('apply')
  assert.equal(exitCode, 0, stderr)
  const warnings = stderr.split('\n').filter(line => line.includes('must-staple'))
  assert.equal(warnings.length, 1, stderr)
  assert.match(warnings[0] ?? '', /a\.example.*clients refuse this certificate/)
  const features = async (name: string) => {
    const args = ['x509', '-noout', '-ext', 'tlsfeature', '-in', `${world.state}/live/${name}/cert.pem`]
    return (await runProgram(requireProgram('openssl'), args)).stdout
  }
  assert.match(await features('a.example'), /status_request/)
  assert.doesNotMatch(await features('b.example'), /status_request/)
})
