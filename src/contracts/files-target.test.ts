import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeIssues, parseWith } from '../base/schema.ts'
import { filesTargetSchema, wantedFiles } from './files-target.ts'

const key = { path: '/etc/ssl/key.pem', format: 'key' } as const
const store = { path: 'store.p12', format: 'pkcs12', password: { env: 'SECRET' } } as const

const good = [
  { directory: '/etc/ssl/mail' },
  { write: [key] },
  { directory: '/etc/ssl', write: [key, store, { ...store, path: 'b.p12', alias: 'unifi' }] },
  { directory: '/etc/ssl', owner: 'mail', group: 'ssl-cert', mode: 640 },
  { directory: '/etc/ssl', owner: 0, group: 12, mode: '0440' },
  { directory: '/e', write: [{ path: 'sub/c.pem', format: 'cert', mode: '0644' }], mode: '600' },
  { directory: '/e', reload: ['/bin/true'], endpoints: ['a.example:993', '[::1]:25'] },
  {
    directory: '/e',
    'server-name': 'mail.example.com',
    endpoints: ['smtp://127.0.0.1', 'imaps://a.example'],
  },
]
for (const target of good) {
  test(`${JSON.stringify(target)} is good`, () => {
    assert.deepEqual(parseWith(filesTargetSchema, target), { ok: true, value: target })
  })
}

const wrong: readonly (readonly [object, RegExp])[] = [
  [{}, /must have a directory, or files/],
  [{ reload: ['/bin/true'] }, /must have a directory, or files/],
  [{ directory: 'relative' }, /directory: must be an absolute path/],
  [{ directory: '/etc/../root' }, /without \. and \.\./],
  [{ directory: '/etc/ssl/' }, /plain path/],
  [{ write: [key, store] }, /must have a directory for the files/],
  [{ write: [] }, /must name at least one file/],
  [{ write: [{ path: '/a\nb', format: 'key' }] }, /write\.0\.path/],
  [{ write: [{ path: '/a/./b', format: 'key' }] }, /write\.0\.path/],
  [{ write: [{ path: '/a', format: 'pem' }] }, /write\.0\.format: must be one of .*fullchain/],
  [{ write: [key, key] }, /two files to the same path/],
  [
    {
      directory: '/e',
      write: [
        { path: 'a', format: 'cert' },
        { path: '/e/a', format: 'key' },
      ],
    },
    /same path/,
  ],
  [{ write: [{ ...store, path: '/s', password: undefined }] }, /must have a password/],
  [{ write: [{ ...key, password: { env: 'X' } }] }, /must have a password if/],
  [{ write: [{ ...store, path: '/s', password: 'inline' }] }, /must be a reference/],
  [{ write: [{ ...key, alias: 'x' }] }, /alias only if/],
  [{ write: [{ ...key, mode: '0644' }] }, /must not let everybody read a private key/],
  [{ directory: '/e', mode: 644 }, /must not let everybody read a private key/],
  [{ write: [{ ...key, mode: 0o640 }] }, /must be a mode such as "0640"/],
  [{ write: [{ ...key, mode: '0620' }] }, /must be a mode/],
  [{ write: [{ ...key, mode: '4600' }] }, /must be a mode/],
  [{ write: [{ ...key, mode: 'u=rw' }] }, /must be a mode/],
  [{ write: [{ ...key, owner: 'a b' }] }, /not the name of a user/],
  [{ write: [{ ...key, owner: -1 }] }, /owner/],
  [{ directory: '/e', endpoints: ['a.example'] }, /must be HOST:PORT/],
  [{ directory: '/e', 'server-name': '*.example' }, /must be a host name/],
  [{ directory: '/e', 'server-name': '192.0.2.1' }, /must be a host name/],
  [{ directory: '/e', reload: [] }, /must name a program/],
  [{ directory: '/e', format: 'key' }, /format: unknown member/],
]
for (const [target, message] of wrong) {
  test(`${JSON.stringify(target)} is refused`, () => {
    const parsed = parseWith(filesTargetSchema, target)
    assert.match(parsed.ok ? 'good' : describeIssues(parsed.issues), message)
  })
}

// What 0o600 and the like are as decimal numbers must not be taken for other modes.
test('no sensible octal number is taken for another mode', () => {
  const digits = [0, 4, 6]
  const modes = [4, 6].flatMap(u => digits.flatMap(g => digits.map(o => u * 64 + g * 8 + o)))
  for (const mode of modes) {
    assert.equal(parseWith(filesTargetSchema, { write: [{ path: '/c', format: 'cert', mode }] }).ok, false)
  }
})

test('without a list the usual five are written, and the key is for the owner alone', () => {
  assert.deepEqual(
    wantedFiles({ directory: '/e' }).map(({ path, format, mode }) => `${path} ${format} ${mode.toString(8)}`),
    [
      '/e/cert.pem cert 644',
      '/e/chain.pem chain 644',
      '/e/fullchain.pem fullchain 644',
      '/e/privkey.pem key 600',
      '/e/combined.pem combined 600',
    ],
  )
})

test('what a file says about itself comes first', () => {
  const [own, inherited] = wantedFiles({
    directory: '/e',
    owner: 'all',
    group: 5,
    mode: 640,
    write: [
      { path: 'a', format: 'key', owner: 'one', mode: '0400' },
      { path: '/b', format: 'der-cert', group: 'two' },
    ],
  })
  const who = { password: undefined, alias: undefined }
  assert.deepEqual(own, { path: '/e/a', format: 'key', mode: 0o400, owner: 'one', group: 5, ...who })
  assert.deepEqual(inherited, {
    path: '/b',
    format: 'der-cert',
    mode: 0o640,
    owner: 'all',
    group: 'two',
    ...who,
  })
})
