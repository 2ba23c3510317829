import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { createCsr } from '../../x509/csr.ts'
import { generateKey } from '../../x509/key.ts'
import { encodePem } from '../../x509/pem.ts'
import type { Config } from '../spec.ts'
import { describeConfigIssue } from './issue.ts'
import { ConfigError, loadConfig } from './load.ts'

const place = { file: '/etc/certwright/certwright.yaml', dropIns: '/etc/certwright/certificates.d' }

async function load(texts: Readonly<Record<string, string>>): Promise<Config> {
  const runtime = fakeRuntime()
  await runtime.files.makeDirectory(place.dropIns, 0o755)
  await runtime.files.put('/csr/good.pem', csr, 0o644)
  await runtime.files.put('/csr/open.pem', csr, 0o666)
  await runtime.files.put('/csr/broken.pem', 'CSR', 0o644)
  for (const [name, text] of Object.entries(texts)) {
    await runtime.files.writeNew(name === 'main' ? place.file : `${place.dropIns}/${name}`, text, 0o644)
  }
  return loadConfig(place, {}, runtime)
}

async function issuesOf(texts: Readonly<Record<string, string>>): Promise<readonly string[]> {
  try {
    await load(texts)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(describeConfigIssue)
    throw error
  }
  return []
}

test('without any file there is a configuration with nothing to do, for Let’s Encrypt', async () => {
  const config = await load({})
  assert.equal(config.authority.directory, 'https://acme-v02.api.letsencrypt.org/directory')
  assert.deepEqual(config.certificates, [])
  assert.equal(config.account.agreeToTerms, false)
})

test('defaults, overrides and drop-ins come together', async () => {
  const { certificates, account } = await load({
    main: `
authority: letsencrypt-staging
account: { email: admin@example.com, agree-to-terms: true, key: ES384 }
defaults: { key: ecdsa-p384, preferred-chain: Root One, solvers: { http-01: { webroot: /srv/acme } }, deploy: [nginx] }
certificates:
  www.example.com:
  mail:
    identifiers: [mail.example.com, bücher.example]
    key: rsa-2048
    preferred-chain: Root Two
    solvers: { http-01: { standalone: { port: 8080 }, self-check: false } }
    deploy: []
`,
    '10-more.yaml':
      'certificates: { more.example.com: { authority: { directory: https://ca.example/dir, trust: /etc/ca.pem } } }',
    'ignored.txt': 'certificates: [',
  })
  assert.deepEqual(account, { email: 'admin@example.com', agreeToTerms: true, keyAlgorithm: 'ES384' })
  assert.deepEqual(
    certificates.map(({ name }) => name),
    ['www.example.com', 'mail', 'more.example.com'],
  )
  const [www, mail, more] = certificates
  assert.deepEqual(www?.identifiers, [{ type: 'dns', value: 'www.example.com' }])
  assert.deepEqual(www?.solvers, [
    { name: 'http-01-webroot', options: { webroot: '/srv/acme', selfCheck: true } },
  ])
  assert.deepEqual(www?.deploy, [{ name: 'nginx', options: {} }])
  assert.equal(www?.keyType, 'ecdsa-p384')
  assert.deepEqual([www?.preferredChain, mail?.preferredChain], ['Root One', 'Root Two'])
  assert.equal(www?.authority.id, 'letsencrypt-staging')
  assert.deepEqual(mail?.identifiers[1], { type: 'dns', value: 'xn--bcher-kva.example' })
  assert.deepEqual(mail?.solvers, [{ name: 'http-01-standalone', options: { port: 8080, selfCheck: false } }])
  assert.deepEqual([mail?.keyType, mail?.deploy.length], ['rsa-2048', 0])
  assert.match(more?.authority.id ?? '', /^ca\.example-[0-9a-f]{8}$/)
  assert.equal(more?.authority.trustFile, '/etc/ca.pem')
  assert.equal(more?.source, `${place.dropIns}/10-more.yaml`)
})

test('solvers may be rules, of the defaults or of the entry', async () => {
  const { certificates } = await load({
    main: `
defaults:
  solvers:
    - { for: ["*.shop.example", bücher.example], http-01: { webroot: /srv/shop } }
    - http-01: { standalone: true }
certificates:
  www.shop.example:
  other.example: { solvers: [{ for: [other.example], http-01: { webroot: /srv/other } }] }
`,
  })
  const webroot = (path: string) => ({
    ...{ name: 'http-01-webroot', options: { webroot: path, selfCheck: true } },
  })
  const dns = (value: string) => ({ type: 'dns', value })
  assert.deepEqual(
    certificates.map(({ solvers }) => solvers),
    [
      [
        { ...webroot('/srv/shop'), for: [dns('*.shop.example'), dns('xn--bcher-kva.example')] },
        { name: 'http-01-standalone', options: { selfCheck: true } },
      ],
      [{ ...webroot('/srv/other'), for: [dns('other.example')] }],
    ],
  )
})

test('authorities have names, accounts of their own, and an order in which they are tried', async () => {
  const { certificates, authorities } = await load({
    main: `
authorities:
  zerossl: { account: { external-account: { key-id: k, hmac-key: { env: HMAC } } } }
  internal: { directory: https://ca.example/dir, trust: /etc/ca.pem }
account: { email: admin@example.com, agree-to-terms: true }
authority: [letsencrypt, zerossl]
certificates:
  a.example:
  b.example: { authority: internal }
`,
  })
  const [a, b] = certificates
  assert.deepEqual([a?.authority.id, a?.fallbacks.map(({ id }) => id)], ['letsencrypt', ['zerossl']])
  const zerossl = a?.fallbacks[0]?.account
  assert.deepEqual([zerossl?.email, zerossl?.externalAccount?.keyId], ['admin@example.com', 'k'])
  assert.equal(a?.authority.account, undefined)
  assert.deepEqual(b?.authority, {
    id: 'internal',
    directory: 'https://ca.example/dir',
    trustFile: '/etc/ca.pem',
  })
  assert.deepEqual(b?.fallbacks, [])
  assert.deepEqual(
    authorities.map(({ id }) => id),
    ['zerossl', 'internal'],
  )
})

test('when to renew comes from the defaults and from the entry', async () => {
  const { certificates, timeZone } = await load({
    main: `
time-zone: Europe/Berlin
defaults: { renew: { at: 30 d, windows: ["mon-fri 02:00-05:00", "sat,sun 22:30-04:00"] } }
certificates:
  a.example:
  b.example: { renew: { at: 1/4, windows: [] } }
  c.example: { renew: { at: 20 % } }
`,
  })
  assert.equal(timeZone, 'Europe/Berlin')
  const windows = [
    { days: [1, 2, 3, 4, 5], fromMinute: 120, toMinute: 300 },
    { days: [0, 6], fromMinute: 1350, toMinute: 240 },
  ]
  assert.deepEqual(
    certificates.map(({ renew }) => renew),
    [
      { at: { beforeMs: 30 * 86_400_000 }, windows },
      { at: { share: 0.25 }, windows: [] },
      { at: { share: 0.2 }, windows },
    ],
  )
})

const csr = encodePem(
  'CERTIFICATE REQUEST',
  createCsr(['a.example', 'b.example'].map(parseIdentifier), await generateKey('ecdsa-p384')),
)

test('a CSR brings its names and its key', async () => {
  const { certificates } = await load({
    main: `
defaults: { key: rsa-2048, reuse-key: true }
certificates:
  one: { csr: /csr/good.pem }
  two: { csr: /csr/good.pem, identifiers: [b.example, a.example] }
`,
  })
  for (const { identifiers, keyType, reuseKey, csr: request } of certificates) {
    assert.deepEqual(identifiers.map(({ value }) => value).toSorted(), ['a.example', 'b.example'])
    assert.deepEqual([keyType, reuseKey, request?.file], ['ecdsa-p384', false, '/csr/good.pem'])
  }
  assert.equal(certificates.length, 2)
})

test('two kinds of key make two certificates', async () => {
  const { certificates } = await load({
    main: `
defaults: { key: [rsa-3072, ecdsa-p384] }
certificates:
  shop: { identifiers: [a.example], reuse-key: true }
  mail.example: { key: rsa-2048 }
  csr: { csr: /csr/good.pem }
`,
  })
  assert.deepEqual(
    certificates.map(({ name, keyType, pair, reuseKey }) => [name, keyType, pair, reuseKey]),
    [
      ['shop', 'ecdsa-p384', 'shop-rsa', true],
      ['shop-rsa', 'rsa-3072', 'shop', true],
      ['mail.example', 'rsa-2048', undefined, false],
      ['csr', 'ecdsa-p384', undefined, false],
    ],
  )
})

const mistakes: readonly {
  readonly name: string
  readonly text: string
  readonly says: readonly RegExp[]
}[] = [
  {
    name: 'a misspelt key at the top',
    text: 'authorty: x',
    says: [/:1: authorty: unknown key \(did you mean authority\?\)/],
  },
  {
    name: 'a misspelt key deep inside',
    text: 'defaults:\n  solvers:\n    http-01: { webrot: /x }',
    says: [/:3: .*webrot: unknown key \(did you mean webroot\?\)/],
  },
  {
    name: 'a key that resembles nothing',
    text: 'account: { zzz: 1 }',
    says: [/known keys: email, agree-to-terms/],
  },
  { name: 'an unknown CA', text: 'authority: letsencrpyt', says: [/did you mean letsencrypt\?/] },
  {
    name: 'a directory without TLS',
    text: 'authority: http://ca.example/dir',
    says: [/does not begin with https:\/\/ \(write it with https/],
  },
  {
    name: 'an unknown kind of key',
    text: 'defaults: { key: rsa-1024 }',
    says: [/:1: defaults\.key: must be one of .*ecdsa-p256.*found "rsa-1024"/],
  },
  {
    name: 'a relative webroot',
    text: 'defaults: { solvers: { http-01: { webroot: www } } }',
    says: [/must be an absolute path/],
  },
  {
    name: 'both ways of http-01',
    text: 'defaults: { solvers: { http-01: { webroot: /x, standalone: true } } }',
    says: [/either webroot or standalone/],
  },
  {
    name: 'neither way of http-01',
    text: 'defaults: { solvers: { http-01: {} } }',
    says: [/either webroot or standalone/],
  },
  {
    name: 'a port out of range',
    text: 'defaults: { solvers: { http-01: { standalone: { port: 70000 } } } }',
    says: [/65535|65_535/],
  },
  {
    name: 'a secret in the file',
    text: 'account: { external-account: { key-id: a, hmac-key: secret } }',
    says: [/must be a reference/],
  },
  {
    name: 'no identifiers',
    text: 'certificates: { a.example: { identifiers: [] } }',
    says: [/must name at least one identifier/],
  },
  {
    name: 'a bad name among good ones',
    text: 'certificates:\n  a:\n    identifiers:\n      - a.example\n      - a_b.example',
    says: [/:5: certificates\.a\.identifiers\.1: .*underscore/],
  },
  {
    name: 'a name twice',
    text: 'certificates: { a: { identifiers: [a.example, A.example.] } }',
    says: [/a\.example is named twice/],
  },
  {
    name: '101 names',
    text: `certificates: { a: { identifiers: [${Array.from({ length: 101 }, (_, i) => `h${i}.example`).join(', ')}] } }`,
    says: [/101 identifiers/],
  },
  {
    name: 'a wildcard with http-01',
    text: 'defaults: { solvers: { http-01: { webroot: /x } } }\ncertificates: { a: { identifiers: ["*.a.example"] } }',
    says: [/wildcard, which http-01 cannot prove/],
  },
  {
    name: 'a name that no rule of the solvers is for',
    text: 'certificates:\n  a.example:\n    identifiers: [a.example, b.example]\n    solvers:\n      - { for: [a.example], http-01: { webroot: /x } }',
    says: [/:3: certificates\.a\.example\.identifiers: no rule of solvers is for b\.example \(end with/],
  },
  {
    name: 'a rule after one for everything',
    text: 'defaults:\n  solvers:\n    - http-01: { webroot: /x }\n    - { for: [a.example], http-01: { webroot: /y } }',
    says: [/:4: defaults\.solvers\.1: is never used/],
  },
  {
    name: 'a rule for something that is no name',
    text: 'defaults:\n  solvers:\n    - for: [a.example, "*"]\n      http-01: { webroot: /y }',
    says: [/:3: defaults\.solvers\.0\.for\.1: "\*" has a \* that is not/],
  },
  {
    name: 'a misspelt key in a rule',
    text: 'defaults: { solvers: [{ fr: [a.example], http-01: { webroot: /y } }] }',
    says: [/fr: unknown key \(did you mean for\?\)/],
  },
  {
    name: 'a CSR that is not there',
    text: 'certificates:\n  a:\n    csr: /csr/none.pem',
    says: [/^\S+:3: certificates\.a\.csr: there is no file \/csr\/none\.pem$/],
  },
  {
    name: 'a CSR that is none',
    text: 'certificates: { a: { csr: /csr/broken.pem } }',
    says: [/a\.csr: \/csr\/broken\.pem cannot be used: PEM text has other text/],
  },
  {
    name: 'a CSR that everybody may change',
    text: 'certificates: { a: { csr: /csr/open.pem } }',
    says: [/can be changed by every user.*chmod o-w \/csr\/open\.pem/],
  },
  {
    name: 'a CSR for other names',
    text: 'certificates: { a: { csr: /csr/good.pem, identifiers: [a.example] } }',
    says: [/identifiers: the CSR is for a\.example, b\.example \(leave identifiers out/],
  },
  {
    name: 'a kind of key beside a CSR',
    text: 'certificates: { a: { csr: /csr/good.pem, key: rsa-2048, reuse-key: false } }',
    says: [/a\.key: has no meaning beside csr/, /a\.reuse-key: has no meaning/],
  },
  {
    name: 'a CSR for all',
    text: 'defaults: { csr: /csr/good.pem }',
    says: [/defaults\.csr: unknown key/],
  },
  {
    name: 'two keys of one kind',
    text: 'defaults: { key: [rsa-2048, rsa-4096] }',
    says: [/defaults\.key: must be one ECDSA and one RSA kind of key/],
  },
  {
    name: 'a name that the RSA certificate of another entry has',
    text: 'certificates:\n  a.example: { key: [ecdsa-p256, rsa-2048] }\n  a.example-rsa: { identifiers: [b.example] }',
    says: [/:3: certificates\.a\.example-rsa: is defined in .* already/],
  },
  {
    name: 'an entry whose RSA certificate has a name that is taken',
    text: 'certificates:\n  a.example-rsa: { identifiers: [b.example] }\n  a.example: { key: [ecdsa-p256, rsa-2048] }',
    says: [/:3: certificates\.a\.example: its RSA certificate has the name a\.example-rsa, which is defined/],
  },
  {
    name: 'two certificates in one place',
    text: 'certificates: { a.example: { key: [ecdsa-p256, rsa-2048], deploy: [{ files: { directory: /etc/x } }] } }',
    says: [/writes \/etc\/x\S+ twice: there are two certificates, as key asks for/],
  },
  {
    name: 'a name that is a path',
    text: 'certificates: { ../etc: { identifiers: [a.example] } }',
    says: [/cannot be used as a name/],
  },
  { name: 'an unknown target', text: 'defaults: { deploy: [ngnix] }', says: [/did you mean nginx\?/] },
  {
    name: 'a name for two CAs',
    text: 'authorities: { letsencrypt: { directory: https://ca.example/dir } }',
    says: [/authorities\.letsencrypt\.directory: letsencrypt has a directory of its own/],
  },
  {
    name: 'a CA of one’s own without a directory',
    text: 'authorities: { internal: { trust: /etc/ca.pem } }',
    says: [/authorities\.internal: .*give its directory/],
  },
  {
    name: 'a misspelt name of a CA of one’s own',
    text: 'authorities: { internal: { directory: https://ca.example/dir } }\nauthority: [zerossl, interal]',
    says: [/:2: authority\.1: .*did you mean internal\?/],
  },
  {
    name: 'a limit without a time',
    text: 'authorities: { zerossl: { limits: { new-orders: 300 per hour } } }',
    says: [/zerossl\.limits\.new-orders: must be how many in which time/],
  },
  { name: 'a CA named twice', text: 'authority: [zerossl, zerossl]', says: [/zerossl is named twice/] },
  {
    name: 'a renewal time that is none',
    text: 'defaults: { renew: { at: soon } }',
    says: [/defaults\.renew\.at: must be a time before the end such as 30 d/],
  },
  { name: 'a share above the whole', text: 'defaults: { renew: { at: 3/2 } }', says: [/renew\.at/] },
  ...['mon 2:0-3:00', 'mon-fri', 'xyz 02:00-03:00', '25:00-26:00', '02:00-02:00'].map(window => ({
    name: `the maintenance window "${window}"`,
    text: `defaults: { renew: { windows: ["${window}"] } }`,
    says: [/windows\.0: must be days and times/],
  })),
  { name: 'a zone that is none', text: 'time-zone: Mars/Base', says: [/time-zone: is not a time zone/] },
  { name: 'YAML that is not closed', text: 'certificates: [', says: [/certwright\.yaml:\d/] },
  { name: 'a list where a map is meant', text: '- a\n- b', says: [/must be a map of keys/] },
  { name: 'a key given twice', text: 'authority: zerossl\nauthority: google', says: [/:2: .*unique/] },
  {
    name: 'several mistakes at once',
    text: 'athority: x\ndefaults: { key: rsa }',
    says: [/athority/, /defaults\.key/],
  },
]

for (const { name, text, says } of mistakes) {
  test(`${name} is reported with its place`, async () => {
    const issues = await issuesOf({ main: text })
    for (const pattern of says)
      assert.ok(
        issues.some(issue => pattern.test(issue)),
        `${pattern.source}\nnot in\n${issues.join('\n')}`,
      )
  })
}

test('mistakes of several drop-ins are reported together', async () => {
  const issues = await issuesOf({
    'a.yaml': 'certificates: { a.example: { kee: x } }',
    'b.yaml': 'authority: zerossl',
    'c.yaml': 'certificates: { x.example: }',
    'd.yaml': 'certificates: { x.example: }',
  })
  assert.match(issues.join('\n'), /a\.yaml:1: .*kee: unknown key/)
  assert.match(issues.join('\n'), /b\.yaml:1: authority: is not allowed in a drop-in/)
  assert.match(issues.join('\n'), /d\.yaml:1: .*is defined in .*c\.yaml already/)
})

test('a file that cannot be read is named', async () => {
  const runtime = fakeRuntime()
  await runtime.files.makeDirectory('/etc/certwright', 0o755)
  await runtime.files.writeNew(place.file, Uint8Array.of(0xff, 0xfe, 0xfa), 0o644)
  await assert.rejects(
    loadConfig(place, {}, runtime),
    error =>
      error instanceof AppError && error.code === 'ERR_CONFIG_READ' && error.message.includes(place.file),
  )
})

test('a configuration that everybody may change is refused', async () => {
  for (const path of [place.file, place.dropIns]) {
    const runtime = fakeRuntime()
    await runtime.files.makeDirectory('/etc/certwright', 0o755)
    if (path === place.file) await runtime.files.writeNew(path, '', 0o666)
    else await runtime.files.makeDirectory(path, 0o777)
    await assert.rejects(loadConfig(place, {}, runtime), {
      code: 'ERR_CONFIG_READ',
      hint: `chmod o-w ${path}`,
    })
  }
})
