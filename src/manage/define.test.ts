import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../acme/identifier.ts'
import { createCsr } from '../x509/csr.ts'
import { generateKey } from '../x509/key.ts'
import { defineCertificate } from './define.ts'

const authority = { id: 'ca', directory: 'https://ca.example/directory' }

test('a definition has the defaults of the configuration file', () => {
  assert.deepEqual(defineCertificate({ identifiers: ['*.Example.com', '192.0.2.1'], authority }), {
    name: '_.example.com',
    identifiers: [
      { type: 'dns', value: '*.example.com' },
      { type: 'ip', value: '192.0.2.1' },
    ],
    authority,
    keyType: 'ecdsa-p256',
    reuseKey: false,
    solvers: [],
    fallbacks: [],
    deploy: [],
    renew: { windows: [] },
    source: 'program',
  })
})

test('one solver for all names comes after those for some', () => {
  const [files, port] = ['files', 'port'].map(name => ({ name, options: {} }))
  assert.ok(files && port)
  const { solvers } = defineCertificate({
    identifiers: ['a.example'],
    authority,
    solver: port,
    solvers: [{ ...files, for: ['*.Bücher.example'] }],
  })
  assert.deepEqual(solvers, [{ ...files, for: [{ type: 'dns', value: '*.xn--bcher-kva.example' }] }, port])
})

test('a CSR brings the names and the kind of key', async () => {
  const der = createCsr([parseIdentifier('a.example')], await generateKey('rsa-2048'))
  const spec = defineCertificate({ authority, csr: der, reuseKey: true })
  assert.deepEqual([spec.name, spec.keyType, spec.reuseKey], ['a.example', 'rsa-2048', false])
  assert.deepEqual([...(spec.csr?.der ?? [])], [...der])
  assert.throws(() => defineCertificate({ authority, csr: der, identifiers: ['b.example'] }), {
    code: 'ERR_IDENTIFIER',
  })
})

test('what is given stays', () => {
  const given = { name: 'mail', keyType: 'rsa-2048', reuseKey: true, source: 'here' } as const
  const { name, keyType, reuseKey, source } = defineCertificate({
    identifiers: ['a.example'],
    authority,
    ...given,
  })
  assert.deepEqual({ name, keyType, reuseKey, source }, given)
})

for (const { title, definition, code } of [
  { title: 'no identifier', definition: { identifiers: [] }, code: 'ERR_IDENTIFIER' },
  { title: 'a URL', definition: { identifiers: ['https://a.example/'] }, code: 'ERR_IDENTIFIER' },
  {
    title: 'a name with a slash',
    definition: { identifiers: ['a.example'], name: '../a' },
    code: 'ERR_FORMAT',
  },
]) {
  test(`${title} is refused`, () => {
    assert.throws(() => defineCertificate({ authority, ...definition }), { code })
  })
}
