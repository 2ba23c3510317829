import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { parseConfiguration } from './configuration.ts'
import { haproxyPlaces } from './places.ts'

const key = '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n'

/** The files of each place, and the names where there are any. */
async function placesOf(
  bind: string,
  files: Readonly<Record<string, string>>,
  { wanted, global = '' }: { readonly wanted?: string; readonly global?: string } = {},
): Promise<readonly string[]> {
  const runtime = fakeRuntime()
  for (const [path, text] of Object.entries(files)) await runtime.files.put(path, text)
  const text = `global\n${global}\nfrontend f\n  bind :443 ssl ${bind}\n`
  const configuration = parseConfiguration([{ path: '/h.cfg', text }])
  const places = await haproxyPlaces(configuration, wanted, runtime)
  return places.map(({ certificateFile, keyFile, names = [] }) =>
    [certificateFile, keyFile, ...names].join(' '),
  )
}

test('a directory: everything in it but what goes with a certificate and what is hidden', async () => {
  const files = {
    '/c/a.pem': key,
    '/c/b.pem': '',
    '/c/b.pem.key': key,
    '/c/a.pem.ocsp': '',
    '/c/.certwright-tmp-1': key,
  }
  assert.deepEqual(await placesOf('crt /c/', files), ['/c/a.pem /c/a.pem', '/c/b.pem /c/b.pem.key'])
})

test('a file that is wanted may be new in a directory, and nowhere else', async () => {
  const files = { '/c/a.pem': key }
  assert.deepEqual(await placesOf('crt /c', files, { wanted: '/c/new.pem' }), [
    '/c/a.pem /c/a.pem',
    '/c/new.pem /c/new.pem',
  ])
  assert.deepEqual(await placesOf('crt /c/a.pem', files, { wanted: '/c/new.pem' }), ['/c/a.pem /c/a.pem'])
})

test('a list, with the names in it', async () => {
  const files = { '/list': '/c/a.pem *.a.test\nb.pem\n', '/c/a.pem': key, '/c/b.pem': key }
  assert.deepEqual(await placesOf('crt-list /list', files, { global: 'crt-base /c' }), [
    '/c/a.pem /c/a.pem *.a.test',
    '/c/b.pem /c/b.pem',
  ])
})

test('a key beside its certificate, under a name of either kind', async () => {
  const files = { '/c/a.crt': '', '/c/a.key': key, '/c/a.crt.key': key }
  assert.deepEqual(await placesOf('crt /c/a.crt', files), ['/c/a.crt /c/a.crt.key'])
  const global = 'ssl-load-extra-del-ext'
  assert.deepEqual(await placesOf('crt /c/a.crt', files, { global }), ['/c/a.crt /c/a.key'])
})

test('a file that is not there yet will have everything in it', async () => {
  assert.deepEqual(await placesOf('crt /c/a.pem', {}), ['/c/a.pem /c/a.pem'])
})
