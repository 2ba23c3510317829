import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isAppError } from '../base/errors.ts'
import { hardenedSettings } from './harden.ts'
import type { HardeningOptions } from './hardened-settings.ts'
import { profiles } from './profiles.ts'
import { hardenedServers } from './servers.ts'
import { parseVersion } from './version.ts'

const openssl = (text: string) => ({ kind: 'openssl', version: parseVersion(text) ?? [] }) as const

/** New enough for every profile. */
const newest = [99]

/** The lines that do something, without comments. */
function linesOf(server: string, options: HardeningOptions): readonly string[] {
  return hardenedSettings(server, options).blocks.flatMap(({ settings }) => settings.map(({ text }) => text))
}

describe('fitted to the library', () => {
  const rows = [
    { library: '3.5.0', protocols: 'TLSv1.2 TLSv1.3', groups: 'X25519MLKEM768:X25519:prime256v1:secp384r1' },
    { library: '3.4.9', protocols: 'TLSv1.2 TLSv1.3', groups: 'X25519:prime256v1:secp384r1' },
    { library: '1.1.1', protocols: 'TLSv1.2 TLSv1.3', groups: 'X25519:prime256v1:secp384r1' },
    { library: '1.1.0', protocols: 'TLSv1.2', groups: 'X25519:prime256v1:secp384r1' },
    { library: '1.0.2', protocols: 'TLSv1.2', groups: 'prime256v1:secp384r1' },
  ]
  for (const { library, protocols, groups } of rows) {
    test(`OpenSSL ${library}: ${protocols}, ${groups}`, () => {
      const lines = linesOf('nginx', { profile: 'intermediate', library: openssl(library) })
      assert.ok(lines.includes(`ssl_protocols ${protocols};`), lines.join('\n'))
      assert.ok(lines.includes(`ssl_ecdh_curve ${groups};`), lines.join('\n'))
    })
  }

  for (const [library, level] of [
    ['3.0.2', '@SECLEVEL=0:'],
    ['1.1.1', '@SECLEVEL=1:'],
    ['1.0.2', ''],
  ] as const) {
    test(`old with OpenSSL ${library} lowers the security level: "${level}"`, () => {
      const [line = ''] = linesOf('nginx', { profile: 'old', library: openssl(library) }).filter(text =>
        text.startsWith('ssl_ciphers'),
      )
      assert.ok(line.startsWith(`ssl_ciphers ${level}ECDHE-`), line)
    })
  }

  test('no other profile touches the security level', () => {
    for (const { name } of hardenedServers) {
      for (const profile of ['modern', 'intermediate'] as const) {
        assert.doesNotMatch(hardenedSettings(name, { profile, version: newest }).text, /SECLEVEL/)
      }
    }
  })
})

describe('every server', () => {
  for (const { name } of hardenedServers) {
    test(`${name}: the weak is in old alone, and every line is explained`, () => {
      for (const profile of profiles) {
        const settings = hardenedSettings(name, { profile, version: newest, explain: true })
        const lines = settings.blocks.flatMap(block => block.settings)
        assert.ok(lines.length > 0)
        for (const { text, why } of lines) assert.match(why, /^[A-Z].*[.]$/, text)
        const text = lines.map(line => line.text).join('\n')
        const weak = /AES(128|256)-SHA\d*\b|(?<![A-Z]-)AES(128|256)-|DES|TLS_RSA_WITH|_CBC_|\+RSA/
        if (profile !== 'old') assert.doesNotMatch(text, weak)
        assert.equal(settings.warnings.length, profile === 'old' ? 1 : 0)
        assert.equal(/WARNING: profile old/.test(settings.text), profile === 'old')
        // What administrators are used to find, and should not.
        assert.doesNotMatch(text, /dhparam|stapl|Public-Key-Pins|preload|includeSubDomains|must-staple/i)
      }
    })

    test(`${name}: says what it was written for when nothing is known`, () => {
      assert.match(hardenedSettings(name, { profile: 'intermediate' }).notes.join(' '), /is not known/)
    })

    test(`${name}: plain ASCII without trailing blanks`, () => {
      const { text } = hardenedSettings(name, { profile: 'intermediate', explain: true })
      assert.doesNotMatch(text, /[ \t]$/m)
      assert.match(text, /^[\n -~]*$/) // nobody knows in which encoding a server reads it
      assert.ok(text.endsWith('\n'))
    })
  }
})

test('what is put in its place does not say where to put it', () => {
  const text = (isInPlace: boolean) => hardenedSettings('nginx', { profile: 'modern', isInPlace }).text
  assert.match(text(false), /^# Save it, /m)
  assert.doesNotMatch(text(true), /Save it/)
})

test('stapling is there only for a certificate that names a responder', () => {
  assert.match(hardenedSettings('nginx', { profile: 'modern', staple: true }).text, /^ssl_stapling on;$/m)
  assert.match(hardenedSettings('apache', { profile: 'modern', staple: true }).text, /^SSLUseStapling on$/m)
})

test('a server that cannot be told to staple says so', () => {
  const notes = (staple: boolean) =>
    hardenedSettings('redis', { profile: 'modern', staple }).notes.filter(note => /stapling/.test(note))
      .length
  assert.deepEqual([notes(true), notes(false)], [1, 0])
})

test('a server that changed its words says up to where those for the oldest are good', () => {
  const notes = hardenedSettings('dovecot', { profile: 'intermediate' }).notes.join(' ')
  assert.match(notes, /this is for 2\.3\.16 to 2\.4, which refuses some of it/)
  const order = (version: string) =>
    linesOf('dovecot', { profile: 'intermediate', version: parseVersion(version) }).at(-1)
  assert.deepEqual(
    [order('2.3.21'), order('2.4.0')],
    ['ssl_prefer_server_ciphers = no', 'ssl_server_prefer_ciphers = client'],
  )
})

test('session tickets of nginx are left on from the version that changes their keys', () => {
  const tickets = (version: string) =>
    linesOf('nginx', { profile: 'intermediate', version: parseVersion(version) }).includes(
      'ssl_session_tickets off;',
    )
  assert.deepEqual(['1.23.1', '1.23.2', '1.31.0'].map(tickets), [true, false, false])
})

describe('what cannot be', () => {
  const rows: readonly {
    readonly name: string
    readonly server?: string
    readonly options: Partial<HardeningOptions>
    readonly code: 'ERR_USAGE' | 'ERR_UNSUPPORTED'
  }[] = [
    { name: 'an unknown server', server: 'ngnix', options: {}, code: 'ERR_USAGE' },
    {
      name: 'TLS 1.3 alone with an old library',
      options: { profile: 'modern', library: openssl('1.0.2') },
      code: 'ERR_UNSUPPORTED',
    },
    { name: 'DHE without TLS 1.2', options: { profile: 'modern', dhFile: '/etc/dh.pem' }, code: 'ERR_USAGE' },
    { name: 'a group in a relative file', options: { dhFile: 'dh.pem' }, code: 'ERR_USAGE' },
    { name: 'a group in a file that ends the line', options: { dhFile: '/x; }' }, code: 'ERR_USAGE' },
  ]
  for (const { name, server = 'nginx', options, code } of rows) {
    test(name, () => {
      assert.throws(
        () => hardenedSettings(server, { profile: 'intermediate', ...options }),
        (error: unknown) => isAppError(error, code) && error.hint !== undefined,
      )
    })
  }
})
