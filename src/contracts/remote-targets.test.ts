import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeIssues, parseWith } from '../base/schema.ts'
import { type TargetKind, targetOptions } from './target-options.ts'

const token = { file: '/etc/token' }
const secret = { namespace: 'web', secret: 'tls.a-example' }
const vault = { address: 'https://vault.example:8200', mount: 'secret', path: 'tls/a', token }

const good: readonly (readonly [TargetKind, object])[] = [
  ['ssh', { host: 'mx2', directory: '/etc/tls' }],
  ['ssh', { host: '2001:db8::1', user: 'tls', port: 2222, write: [{ path: '/k', format: 'key' }] }],
  [
    'ssh',
    { host: 'mx2', directory: '/t', 'identity-file': '/k', 'known-hosts-file': '/h', reload: ['/bin/x'] },
  ],
  ['kubernetes', secret],
  [
    'kubernetes',
    { ...secret, server: 'https://k:6443', token, 'ca-file': '/ca', force: true, endpoints: ['a:443'] },
  ],
  ['vault', vault],
  [
    'vault',
    { ...vault, 'kv-version': 1, namespace: 'team/a', fields: { tls_key: 'key' }, 'served-within': '5 min' },
  ],
]
for (const [kind, options] of good) {
  test(`${kind}: ${JSON.stringify(options)} is good`, () => {
    assert.deepEqual(parseWith(targetOptions[kind], options), { ok: true, value: options })
  })
}

const wrong: readonly (readonly [TargetKind, object, RegExp])[] = [
  ['ssh', { host: 'mx2' }, /must have a directory, or files with absolute paths: where they go/],
  ['ssh', { directory: '/t' }, /host: is missing/],
  ['ssh', { host: '-oProxyCommand=x', directory: '/t' }, /host: must be a host name/],
  ['ssh', { host: 'tls@mx2', directory: '/t' }, /host: must be a host name/],
  ['ssh', { host: 'mx2', user: 'a b', directory: '/t' }, /user: is not the name of a user/],
  ['ssh', { host: 'mx2', directory: '/t', mode: 644 }, /must not let everybody read a private key/],
  ['kubernetes', { secret: 'tls' }, /namespace: is missing/],
  ['kubernetes', { ...secret, secret: 'a/b' }, /secret: must be a name of lower-case letters/],
  ['kubernetes', { ...secret, server: 'http://k:6443' }, /server: must be an https URL/],
  ['kubernetes', { ...secret, token: 'geheim' }, /token: must be a reference/],
  ['vault', { ...vault, token: 'geheim' }, /token: must be a reference/],
  ['vault', { ...vault, path: '/tls' }, /path: must be a path such as/],
  ['vault', { ...vault, path: 'tls/../sys' }, /path: must be a path such as/],
  ['vault', { ...vault, path: 'tls?x' }, /path: must be a path such as/],
  ['vault', { ...vault, 'kv-version': 3 }, /kv-version: must be 1 or 2/],
  ['vault', { ...vault, fields: {} }, /fields: must name at least one field/],
  ['vault', { ...vault, fields: { a: 'pkcs12' } }, /fields\.a: must be one of cert, chain/],
]
for (const [kind, options, message] of wrong) {
  test(`${kind}: ${JSON.stringify(options)} is refused`, () => {
    const parsed = parseWith<unknown>(targetOptions[kind], options)
    assert.match(parsed.ok ? 'good' : describeIssues(parsed.issues), message)
  })
}
