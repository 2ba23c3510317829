/** The challenge snippet in server blocks that stand in its way, asked by the real nginx. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { challengeSnippet } from '../../src/plugins/deployers/nginx/challenge-snippet.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const token = 'x'.repeat(43)
const path = `/.well-known/acme-challenge/${token}`

/** What stands beside the snippet, and what everything else is answered with. */
const situations: readonly { readonly name: string; readonly rest: string; readonly elsewhere: number }[] = [
  { name: 'nothing', rest: '', elsewhere: 404 },
  { name: 'location / that redirects', rest: 'location / { return 301 https://a.test/; }', elsewhere: 301 },
  { name: 'return 301 in the server block', rest: 'return 301 https://$host$request_uri;', elsewhere: 301 },
  { name: 'if with return', rest: 'if ($host) { return 301 https://a.test/; }', elsewhere: 301 },
  {
    name: 'rewrite to an application',
    rest: 'rewrite ^ /index.php last; location = /index.php { return 418; }',
    elsewhere: 418,
  },
  { name: 'auth_basic', rest: 'auth_basic x; auth_basic_user_file /dev/null;', elsewhere: 401 },
  { name: 'deny all', rest: 'deny all;', elsewhere: 403 },
  { name: 'deny for dot files', rest: 'location ~ /\\. { deny all; }', elsewhere: 404 },
  {
    name: 'a proxy',
    rest: 'location / { proxy_pass http://127.0.0.1:1; }',
    elsewhere: 502,
  },
]

test('the snippet answers whatever else the server block does', { skip: skipWithout('nginx') }, async t => {
  await using temporary = await tempDirectory()
  const webroot = join(temporary.path, 'the "web" root')
  await mkdir(join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
  await writeFile(join(webroot, path), 'the response')
  const snippetFile = join(temporary.path, 'snippet.conf')
  await writeFile(snippetFile, challengeSnippet({ webroot }))
  const port = await freePort()
  const { http } = nodeRuntime()
  const get = async (path: string) => {
    const { status, body, headers } = await http(`http://127.0.0.1:${port}${path}`, { method: 'GET' })
    return { status, text: new TextDecoder().decode(body), type: headers.get('content-type') }
  }
  const blockWith = (rest: string): string =>
    `server { include ${snippetFile}; listen 127.0.0.1:${port}; root /var/empty; ${rest} }`
  await using nginx = await startNginx({ serverBlocks: blockWith('') })
  for (const { name, rest, elsewhere } of situations) {
    await t.test(name, async () => {
      await nginx.writeSite(blockWith(rest))
      await nginx.reload()
      assert.deepEqual(await get(path), { status: 200, text: 'the response', type: 'text/plain' })
      assert.equal((await get('/other')).status, elsewhere)
    })
  }
  await t.test('a missing token is not found, and no other file of the webroot is shown', async () => {
    await writeFile(join(webroot, 'secret'), 'x')
    assert.equal((await get('/.well-known/acme-challenge/none')).status, 404)
    assert.notEqual((await get('/.well-known/acme-challenge/../../secret')).status, 200)
  })
})

test('a webroot that nginx could not be given is refused', () => {
  for (const webroot of ['relative', '/a$b', '/a\nb']) {
    assert.throws(() => challengeSnippet({ webroot }), { code: 'ERR_FORMAT' })
  }
})
