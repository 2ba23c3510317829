/** The documents of `--json` have the members that docs/guides/json.md shows, and no others. */
import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { AppError } from '../../src/base/errors.ts'
import { hourMs, plusMs } from '../../src/base/instant.ts'
import { loadConfig } from '../../src/manage/config/load.ts'
import { basisOf } from '../../src/manage/plan/basis.ts'
import { countFailure } from '../../src/manage/plan/retry-time.ts'
import { writeAttempts } from '../../src/manage/store/attempts.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { freePort } from '../support/ports.ts'
import { skipWithout } from '../support/programs.ts'
import { startWorld, type World } from '../support/world.ts'

const guide = await readFile(join(import.meta.dirname, '../../docs/guides/json.md'), 'utf8')

const documented = new Map(
  [...guide.matchAll(/^<!-- document: ([^\n]+) -->\n```json\n(.*?)^```$/gms)].map(
    ([, name = '', text = '']) => [name, new Set(pathsOf(JSON.parse(text)))] as const,
  ),
)

/**
 * Members that need a CA with limits or profiles, accounts at several CAs, a server that is reloaded and then silent for a
 * minute, or one with other settings.
 */
const rare =
  /(^|\.)(retryAt|profile|refused(\.\w+)?)$|^days\[\]\.waiting\[\]\.|^others|^targets\[\]\.endpoints\[\]\.failure$|^dhePrimes\[\]|^http\.(hsts|plain)|^certificates\[\]\.findings\[\]|^older\.(application|fallbackSignal)$/

test('what --json prints is what the guide shows', {
  skip: skipWithout('pebble', 'nginx'),
  timeout: 120_000,
}, async () => {
  await using world = await startWorld()
  const seen = new Map<string, Set<string>>()
  const note = (name: string, value: unknown) => {
    seen.set(name, new Set([...(seen.get(name) ?? []), ...pathsOf(value)]))
  }
  const look = async (name: string, ...args: readonly string[]) =>
    note(name, (await world.json(...args)).value)
  const lookAtAll = async (...args: readonly string[]) => {
    const { certificates } = (await world.json(...args)).value as {
      readonly certificates: readonly unknown[]
    }
    for (const result of certificates) note('result', result)
  }

  await world.writeTlsSite('shop.example', ['shop.example'])
  await look('result', 'issue', 'shop.example')
  await look('status', 'status')
  await appendFile(
    world.configFile,
    `endpoints: ["https://shop.example:${world.httpsPort}", "smtp://127.0.0.1:1"]\n`,
  )
  await world.run('apply')
  await look('status', 'status')
  await look('verify', 'verify', `https://shop.example:${world.httpsPort}`, '--server-name', 'other.example')
  await world.writeTlsSite('shop.example', ['shop.example'], { extra: 'ssl_protocols TLSv1.3;' })
  await look('install', 'install', 'nginx', 'shop.example', '--dry-run')
  await world.writeTlsSite('shop.example', ['shop.example'])
  await look('install', 'install', 'nginx', 'shop.example', '--yes')
  await look('install', 'uninstall', 'nginx', 'shop.example', '--yes')
  await world.run('apply') // the lines that were there before are in use again
  await look('plan', 'plan')
  await look('forecast', 'plan', '--forecast', '100d')
  await look('show', 'show', 'shop.example')
  await look('explain', 'explain', 'shop.example')
  await look('check', 'check')
  await look('rehearse', 'rehearse', 'shop.example', '--authority', 'embedded', '--yes')
  await look('rehearse', 'rehearse', 'shop.example', '--authority', 'https://127.0.0.1:1/', '--no-deploy')
  await look('demo', 'demo', '--no-nginx')
  await look('simulate', 'simulate', '--certificates', '9', '--years', '0.1')
  await look('account', 'account', 'show')
  await look('account', 'account', 'rollover')
  await look('config check', 'config', 'check')
  await look('challenge snippet', 'tls', 'snippet', 'nginx', '--challenge')
  await look('snippet', 'tls', 'snippet', 'nginx', '--output', `${world.configFile}.tls`)
  const endpoint = `localhost:${world.httpsPort}`
  await look('grade', 'tls', 'grade', endpoint, '--server-name', 'shop.example')
  await breakReload(world)
  await lookAtAll('renew', '--force', 'shop.example')
  await look('status', 'status')
  for (const _ of ['once', 'again']) await lookAtAll('deploy', 'shop.example')
  await look('explain', 'explain', 'shop.example')
  await look('history', 'history', 'shop.example')
  await failForAWhile(world, 'later.example')
  await look('explain', 'explain', 'later.example')
  await look('plan', 'apply', '--dry-run')
  await lookAtAll('apply', '--only', 'later.example')
  await look('verify', 'verify', 'smtp://127.0.0.1:1', '--certificate', 'shop.example')
  await look('verify', 'verify') // later.example has no certificate: an error
  await world.nginx.writeSite(siteWithoutListener(world, await freePort()))
  await look('verify', 'verify')
  await look('explain', 'explain', 'shop.example')
  await look('check', 'check')
  await appendFile(
    world.configFile,
    'notify: [{ exec: { command: ["true"] } }, { exec: { command: ["false"] } }]\n',
  )
  await look('notify test', 'notify', 'test')
  await look('revoke', 'revoke', 'shop.example', '--yes')
  await damageOldest(world)
  await look('show', 'show', 'shop.example')
  await look('delete', 'delete', 'shop.example', '--yes', '--force')
  await writeFile(world.configFile, 'deflts: {}\n')
  await look('error', 'config', 'check')

  assert.deepEqual([...seen.keys()].sort(), [...documented.keys()].sort())
  for (const [name, paths] of documented) {
    const there = seen.get(name) ?? new Set()
    assert.deepEqual(
      { name, undocumented: [...there].filter(path => !paths.has(path)) },
      { name, undocumented: [] },
    )
    assert.deepEqual(
      { name, absent: [...paths].filter(path => !there.has(path) && !rare.test(path)) },
      { name, absent: [] },
    )
  }
})

/** `certificates[].name`, … for every member of every object. */
function pathsOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(item => pathsOf(item, `${path}[]`))
  if (typeof value !== 'object' || value === null) return path === '' ? [] : [path]
  return Object.entries(value).flatMap(([name, member]) => {
    const at = path === '' ? name : `${path}.${name}`
    return [at, ...pathsOf(member, at)]
  })
}

/** A reload that fails. */
async function breakReload({ configFile }: World): Promise<void> {
  const config = await readFile(configFile, 'utf8')
  await writeFile(configFile, config.replace('nginx: {', 'nginx: { reload: [/bin/false],'))
}

/** An entry whose last attempt the CA answered with "come back in an hour". */
async function failForAWhile({ configFile, state }: World, name: string): Promise<void> {
  await appendFile(configFile, `certificates: { ${name}: }\n`)
  const runtime = nodeRuntime()
  const place = { file: configFile, dropIns: join(dirname(configFile), 'certificates.d') }
  const spec = (await loadConfig(place, {}, runtime)).certificates.find(one => one.name === name)
  assert.ok(spec)
  const limited = new AppError('ERR_RATE_LIMITED', 'too many', {
    retryAt: plusMs(runtime.clock.now(), hourMs),
  })
  const failed = { basis: basisOf(spec), now: runtime.clock.now(), fraction: 0 }
  await writeAttempts(state, spec.name, { issuance: countFailure(limited, undefined, failed) }, runtime)
}

/** Configured, but not listened on, because nginx was not reloaded; and something to remark on. */
function siteWithoutListener({ state }: World, port: number): string {
  const live = join(state, 'live', 'shop.example')
  return `server {
  listen 127.0.0.1:${port} ssl;
  server_name shop.example;
  ssl_certificate ${live}/cert.pem;
  ssl_certificate_key ${live}/privkey.pem;
}
`
}

async function damageOldest({ state }: World): Promise<void> {
  const directory = join(state, 'certificates', 'shop.example')
  const [oldest = ''] = (await readdir(directory)).sort()
  await appendFile(join(directory, oldest, 'cert.pem'), '\n')
}
