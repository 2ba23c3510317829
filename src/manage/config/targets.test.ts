import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { type Config, type DeployTarget, targetHash, targetName } from '../spec.ts'
import { describeConfigIssue } from './issue.ts'
import { ConfigError, loadConfig } from './load.ts'

const file = '/etc/certwright.yaml'

async function load(text: string): Promise<Config> {
  const runtime = fakeRuntime()
  await runtime.files.put(file, text)
  return loadConfig({ file, dropIns: '/etc/certificates.d' }, {}, runtime)
}

async function issuesOf(text: string): Promise<readonly string[]> {
  const error = await load(text).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof ConfigError) return error.issues.map(describeConfigIssue)
  throw new Error('the configuration is good')
}

test('targets with their options, and names that tell them apart', async () => {
  const { certificates } = await load(`
defaults: { hooks: { after: [[/bin/default]] } }
certificates:
  a.example:
    deploy:
      - nginx
      - nginx: { config: /etc/nginx/other.conf }
      - files: { directory: /etc/ssl/mail, group: ssl-cert, mode: 0640, reload: [/bin/systemctl, reload, exim4] }
      - files:
          write:
            - { path: /var/lib/app/store.p12, format: pkcs12, password: { file: /etc/secret }, owner: 12 }
          endpoints: ["localhost:8443"]
    hooks: { before: [[/bin/one], [/bin/two, "a b"]], timeout: 90 s }
  b.example: { hooks: {} }
  c.example:
`)
  const [a, b, c] = certificates
  assert.deepEqual(a?.deploy.map(targetName), [
    'nginx',
    'nginx (/etc/nginx/other.conf)',
    'files (/etc/ssl/mail)',
    'files (/var/lib/app/store.p12)',
  ])
  assert.deepEqual(a?.deploy[2]?.options, {
    directory: '/etc/ssl/mail',
    group: 'ssl-cert',
    mode: 640,
    reload: ['/bin/systemctl', 'reload', 'exim4'],
  })
  assert.deepEqual(a?.hooks, { before: [['/bin/one'], ['/bin/two', 'a b']], after: [], timeoutMs: 90_000 })
  assert.equal(b?.hooks, undefined, 'none instead of those of the defaults')
  assert.deepEqual(c?.hooks, { before: [], after: [['/bin/default']], timeoutMs: 60_000 })
})

test('a target is called after what it is about', () => {
  const names: readonly (readonly [string, DeployTarget['options'], string])[] = [
    ['nginx', {}, 'nginx'],
    ['nginx', { config: '/n.conf' }, 'nginx (/n.conf)'],
    ['files', { directory: '/tls' }, 'files (/tls)'],
    ['files', { write: [{ path: '/tls/a', format: 'key' }] }, 'files (/tls/a)'],
    ['systemd', { unit: 'exim4', directory: '/tls' }, 'systemd (exim4)'],
    ['process', { 'pid-file': '/run/x.pid', program: 'x' }, 'process (/run/x.pid)'],
    ['process', { program: 'x' }, 'process (x)'],
    ['process', { program: 'x', port: 25 }, 'process (x on port 25)'],
    ['exec', { command: ['/bin/push', 'a'] }, 'exec (/bin/push a)'],
    ['restart-if-older', { unit: 'x' }, 'restart-if-older (x)'],
    ['restart-if-older', { program: 'x' }, 'restart-if-older (x)'],
    ['container', { name: 'web' }, 'container (web)'],
    ['container', { label: 'a=b' }, 'container (a=b)'],
    ['ssh', { host: 'mx', directory: '/tls' }, 'ssh (mx /tls)'],
    ['ssh', { host: 'mx', user: 'tls', port: 23, directory: '/tls' }, 'ssh (tls@mx:23 /tls)'],
    ['kubernetes', { namespace: 'web', secret: 'tls' }, 'kubernetes (web/tls)'],
    [
      'kubernetes',
      { namespace: 'web', secret: 'tls', server: 'https://k' },
      'kubernetes (web/tls at https://k)',
    ],
    ['vault', { address: 'https://v:8200/', mount: 'kv', path: 'tls/a' }, 'vault (https://v:8200/kv/tls/a)'],
  ]
  for (const [name, options, expected] of names) assert.equal(targetName({ name, options }), expected)
})

test('targets with other options have another hash', () => {
  const hashes = [{}, { directory: '/a' }, { directory: '/a', owner: 'x' }].map(options =>
    targetHash({ name: 'files', options }),
  )
  assert.equal(new Set(hashes).size, 3)
})

const wrong: readonly (readonly [string, RegExp])[] = [
  ['{ deploy: [oracle] }', /must be a target, found "oracle"; there are: .*files,/],
  ['{ deploy: [ngnix] }', /must be a target, found "ngnix" \(did you mean nginx\?\)/],
  ['{ deploy: [files] }', /must have options: \{ files: \{ \.\.\. \} \}/],
  ['{ deploy: [httpd] }', /did you mean apache\?/],
  ['{ deploy: ["files:/etc/ssl/m"] }', /written \{ files: \{ directory: \/etc\/ssl\/m \} \}/],
  ['{ deploy: [17] }', /must be a target, such as nginx/],
  ['{ deploy: [{ files: { directory: /a }, nginx: {} }] }', /one target, not 2 \(files, nginx\)/],
  ['{ deploy: [{}] }', /must name a target, one of: .*files,/],
  ['{ deploy: [{ file: { directory: /a } }] }', /deploy\.0\.file: unknown key \(did you mean files\?\)/],
  ['{ deploy: [{ nginx: { config: x } }] }', /deploy\.0\.nginx\.config: must be an absolute path/],
  ['{ deploy: [{ files: { directory: a } }] }', /deploy\.0\.files\.directory: must be an absolute path/],
  [
    '{ deploy: [{ files: { directory: /a, write: [{ path: k, format: key, mode: "0644" }] } }] }',
    /private key/,
  ],
  [
    '{ deploy: [{ files: { directory: /a } }, { files: { directory: /a, owner: x } }] }',
    /names files \(\/a\) twice/,
  ],
  ['{ hooks: { before: [/bin/one] } }', /hooks\.before\.0: must be a list/],
  ['{ hooks: { before: [[]] } }', /must name a program/],
  ['{ hooks: { after: [[""]] } }', /must not be empty/],
  ['{ hooks: { timeout: 0 s } }', /must be a time from 1 s to 24 h/],
  ['{ hooks: { timeout: 2 d } }', /must be a time from 1 s to 24 h/],
  ['{ hooks: { timeout: soon } }', /must be a time from 1 s to 24 h/],
  ['{ hooks: { afterwards: [] } }', /hooks\.afterwards/],
]
for (const [entry, message] of wrong) {
  test(`${entry} is refused`, async () => {
    const [issue = '', ...more] = await issuesOf(`certificates: { a.example: ${entry} }`)
    assert.match(issue, message)
    assert.deepEqual(more, [])
  })
}

test('two certificates that would write the same file are refused, and one is told once', async () => {
  const issues = await issuesOf(`
defaults: { deploy: [{ files: { directory: /etc/tls } }] }
certificates:
  a.example:
  b.example:
  c.example: { deploy: [{ files: { write: [{ path: /etc/tls/other.pem, format: cert }] } }] }
`)
  assert.equal(issues.length, 1)
  assert.match(
    issues[0] ?? '',
    /b\.example\.deploy: writes \/etc\/tls\/cert\.pem, which a\.example writes, too/,
  )
})

test('two certificates in one secret are refused, and so are equal paths on one other machine, but not on two', async () => {
  const vault = '{ vault: { address: "https://v:8200", mount: kv, path: tls, token: { env: T } } }'
  const ssh = (host: string) => `{ ssh: { host: ${host}, directory: /tls } }`
  const issuesWith = (a: string, b: string) =>
    issuesOf(`certificates: { a.example: { deploy: [${a}] }, b.example: { deploy: [${b}] } }`)
  assert.match(
    (await issuesWith(vault, vault)).join(),
    /writes vault \(https:\/\/v:8200\/kv\/tls\), which a\.example/,
  )
  assert.match(
    (await issuesWith(ssh('mx1'), ssh('mx1'))).join(),
    /writes mx1:\/tls\/cert\.pem, which a\.example/,
  )
  await assert.rejects(issuesWith(ssh('mx1'), ssh('mx2')), /the configuration is good/)
})
