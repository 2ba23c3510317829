import assert from 'node:assert/strict'
import test from 'node:test'
import type { FsOps } from '../../../runtime/files.ts'
import { endOfPath, followPath } from './file-trail.ts'

const live = '/var/lib/cw/live/site'

/** A disk of symbolic links only; whatever else is asked for is not there. */
function links(targets: Readonly<Record<string, string>>): {
  readonly files: Pick<FsOps, 'facts' | 'readLink'>
} {
  return {
    files: {
      facts: async path =>
        targets[path] === undefined
          ? undefined
          : { kind: 'symlink', mode: 0o777, uid: 0, gid: 0, size: 1, mtimeMs: 0, ctimeMs: 0, dev: 1, ino: 1 },
      readLink: async path => targets[path],
    },
  }
}

const disk = {
  [live]: '../archive/site/3',
  '/etc/ssl/site.pem': `${live}/fullchain.pem`,
  '/etc/ssl/relative.pem': '../../var/lib/cw/live/site/fullchain.pem',
  '/etc/ssl/twice.pem': 'site.pem',
  '/etc/ssl/past.pem': '/var/lib/cw/archive/site/3/fullchain.pem',
  '/etc/live': '/var/lib/cw/live',
  '/mnt/state': '/var/lib/cw',
  '/loop': '/loop',
}

const cases: readonly { readonly path: string; readonly below: string | undefined; readonly end?: string }[] =
  [
    { path: `${live}/fullchain.pem`, below: 'fullchain.pem' },
    { path: '/var//lib/./cw/../cw/live/site/privkey.pem', below: 'privkey.pem' },
    { path: '/etc/ssl/site.pem', below: 'fullchain.pem' },
    { path: '/etc/ssl/relative.pem', below: 'fullchain.pem' },
    { path: '/etc/ssl/twice.pem', below: 'fullchain.pem' },
    { path: '/etc/live/site/combined.pem', below: 'combined.pem' },
    { path: '/mnt/state/live/site/fullchain.pem', below: 'fullchain.pem' },
    { path: '/etc/ssl/past.pem', below: undefined, end: '/var/lib/cw/archive/site/3/fullchain.pem' },
    { path: '/var/lib/cw/live/site2/fullchain.pem', below: undefined },
    { path: '/etc/ssl/other.pem', below: undefined, end: '/etc/ssl/other.pem' },
    { path: '/../..', below: undefined, end: '' },
  ]

for (const { path, below, end } of cases) {
  test(`${path} leads ${below === undefined ? 'past the link' : `through it to ${below}`}`, async () => {
    const trail = await followPath(path, live, links(disk))
    assert.equal(trail.below, below)
    if (end !== undefined) assert.equal(trail.end, end)
  })
}

test('a live directory that is itself reached through a link is recognised by either path', async () => {
  assert.equal((await followPath(`${live}/x`, '/mnt/state/live/site', links(disk))).below, 'x')
})

test('where the link ends today', async () => {
  assert.equal(await endOfPath(live, links(disk)), '/var/lib/cw/archive/site/3')
})

test('a circle of links is an error', async () => {
  await assert.rejects(followPath('/loop/x', live, links(disk)), { code: 'ERR_DEPLOY', message: /circle/ })
})

test('a file on the way ends the search, a forbidden directory is an error', async () => {
  const failing = (code: string) => ({
    files: {
      facts: () => Promise.reject(Object.assign(new Error(code), { code })),
      readLink: async () => undefined,
    },
  })
  assert.equal((await followPath('/a/b', live, failing('ENOTDIR'))).end, '/a/b')
  await assert.rejects(followPath('/a', live, failing('EACCES')), { code: 'ERR_DEPLOY', message: /\/var/ })
})
