import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUrl } from '../acme/wire.ts'
import { isOwnUrl, parseAuthority } from './authority.ts'

const usable = [
  'https://ca.example/dir',
  'https://ca.example:8443/acme/directory?x=1',
  'http://127.0.0.1:4000/directory',
  'http://127.255.0.9/directory',
  'http://[::1]:4000/directory',
  'http://localhost:4000/directory',
]
for (const directory of usable) {
  test(`${directory} is a directory`, () => {
    assert.equal(parseAuthority(directory).directory, directory)
  })
}

const refused = [
  'http://ca.example/dir',
  'http://127.0.0.1.example/dir',
  'http://localhost.example/dir',
  'http://128.0.0.1/dir',
  'http://[::2]/dir',
  'ftp://ca.example/dir',
  'https://user@ca.example/dir',
  'ca.example',
  '',
]
for (const directory of refused) {
  test(`"${directory}" is refused as a directory`, () => {
    assert.throws(() => parseAuthority(directory), { code: 'ERR_FORMAT' })
  })
}

const urls = [
  { url: 'https://ca.example/order/1', own: true },
  { url: 'https://ca.example:443/order/1', own: true },
  { url: 'https://CA.EXAMPLE/order/1', own: true },
  { url: 'http://ca.example/order/1', own: false },
  { url: 'https://ca.example:444/order/1', own: false },
  { url: 'https://ca.example.org/order/1', own: false },
  { url: 'https://www.ca.example/order/1', own: false },
]
for (const { url, own } of urls) {
  test(`${url} is ${own ? '' : 'not '}at https://ca.example`, () => {
    assert.equal(isOwnUrl(parseAuthority('https://ca.example/dir'), parseUrl(url)), own)
  })
}
