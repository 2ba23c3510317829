/** Configurations with mistakes: each is named with file, line and key, exit code 2, and nothing has changed. */
import assert from 'node:assert/strict'
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  assertRefused,
  type Bench,
  kept,
  makeTemplate,
  type Refusal,
  type Template,
} from '../support/bench.ts'

const timeout = 60_000
let template: Template
before(async () => {
  template = await makeTemplate()
})
after(() => template[Symbol.asyncDispose]())

type Row = Omit<Refusal, 'exit' | 'hint'> & { readonly text: string | Uint8Array; readonly hint?: RegExp }

const schemaHint = /certwright config schema/
const laughs = Array.from({ length: 9 }, (_, level) => {
  const before = level === 0 ? '"ha"' : `*a${level - 1}`
  return `a${level}: &a${level} [${Array.from({ length: 9 }, () => before).join(', ')}]`
}).join('\n')
const certificate = (members: string) => `certificates:\n  a.example:\n    ${members}\n`
const http01 = (members: string) => certificate(`solvers: { http-01: { ${members} } }`)

const rows: readonly Row[] = [
  // Keys.
  {
    text: 'certificats: {}',
    says: /certwright\.yaml:1: certificats: unknown key/,
    hint: /did you mean certificates\?/,
  },
  {
    text: certificate('kee: rsa-2048'),
    says: /:3: certificates\.a\.example\.kee: unknown key/,
    hint: /did you mean key\?/,
  },
  {
    text: certificate('deploy: [{ nginx: { confg: /x } }]'),
    says: /:3: .*\.deploy\.0\.nginx\.confg: unknown key/,
    hint: /did you mean config\?/,
  },
  {
    text: certificate('solvers: { dns-01: {} }'),
    says: /:3: .*\.solvers\.dns-01: unknown key/,
    hint: /known keys: http-01/,
  },
  {
    text: 'frobnicate: 1',
    says: /:1: frobnicate: unknown key/,
    hint: /known keys: authority, authorities, account/,
  },
  {
    text: `certificates: { __proto__: { identifiers: [a.example] } }`,
    says: /:1: certificates\.__proto__: cannot be used as a key/,
    hint: /choose another name/,
  },
  { text: 'constructor: 1', says: /:1: constructor: cannot be used as a key/, hint: /choose another name/ },
  // Values.
  { text: 'certificates: [a.example]', says: /:1: certificates.*must be a map of keys, found/ },
  { text: 'certificates: ', says: /:1: certificates: must be a map of keys, found nothing/ },
  {
    text: certificate('key: rsa-1024'),
    says: /:3: .*\.key: must be one of ecdsa-p256, .*, found "rsa-1024"/,
  },
  { text: certificate('reuse-key: maybe'), says: /:3: .*\.reuse-key: must be true or false, found "maybe"/ },
  { text: certificate('profile: ""'), says: /:3: .*\.profile: must not be empty/ },
  {
    text: certificate('deploy: [oracle]'),
    says: /:3: .*\.deploy\.0: must be a target, found "oracle"; there are: /,
  },
  { text: certificate('deploy: nginx'), says: /:3: .*\.deploy: must be a list, found "nginx"/ },
  { text: certificate('identifiers: a.example'), says: /:3: .*\.identifiers: must be a list/ },
  { text: certificate('identifiers: []'), says: /:3: .*\.identifiers: must name at least one identifier/ },
  {
    text: certificate('identifiers: [a.example, 5]'),
    says: /:3: .*\.identifiers\.1: must be a text, found 5/,
  },
  {
    text: certificate('identifiers: [a.example, A.example.]'),
    says: /:3: .*\.identifiers\.1: a\.example is named twice/,
  },
  {
    text: certificate('identifiers: [a_b.example]'),
    says: /:3: .*\.identifiers\.0: "a_b\.example" contains an underscore/,
    hint: /a name without one/,
  },
  {
    text: certificate(
      `identifiers: [${Array.from({ length: 101 }, (_, index) => `h${index}.example`).join(', ')}]`,
    ),
    says: /:3: .*\.identifiers: 101 identifiers, and no public CA/,
    hint: /split them/,
  },
  {
    text: `certificates:\n  w: { identifiers: ["*.a.example"], solvers: { http-01: { webroot: /srv } } }`,
    says: /:2: certificates\.w\.identifiers: \*\.a\.example is a wildcard/,
    hint: /only dns-01 can/,
  },
  {
    text: 'certificates: { Shop: { identifiers: [a.example] } }',
    says: /:1: certificates\.Shop: cannot be used as a name/,
    hint: /lower-case letters/,
  },
  {
    text: 'certificates: { "../../etc": { identifiers: [a.example] } }',
    says: /certificates\.\.\.\/\.\.\/etc: cannot be used as a name/,
    hint: /lower-case letters/,
  },
  {
    text: 'certificates: { "a\\e[2Jb": {} }',
    says: /certificates\.a\\u\{1b\}\[2Jb: cannot be used as a name/,
    hint: /lower-case letters/,
  },
  { text: http01(''), says: /:3: .*http-01: must have either webroot or standalone/ },
  {
    text: http01('webroot: /srv, standalone: true'),
    says: /:3: .*http-01: must have either webroot or standalone/,
  },
  { text: http01('webroot: srv'), says: /:3: .*http-01\.webroot: must be an absolute path/ },
  {
    text: http01('webroot: /srv, port: 70000'),
    says: /:3: .*http-01\.port: must be at most 65535, found 70000/,
  },
  { text: http01('webroot: /srv, port: http'), says: /:3: .*http-01\.port: must be a number, found "http"/ },
  {
    text: http01('standalone: { port: 0 }'),
    says: /:3: .*http-01\.standalone\.port: must be at least 1, found 0/,
  },
  {
    text: 'authority: letsencript',
    says: /:1: authority: "letsencript" is neither a known CA nor a directory URL/,
    hint: /did you mean letsencrypt\?/,
  },
  {
    text: 'authority: http://ca.example/',
    says: /:1: authority: .*does not begin with https/,
    hint: /write it with https/,
  },
  {
    text: 'authority: https://me:hunter2@ca.example/',
    says: /:1: authority: the directory URL at ca\.example has a user name(?![^]*hunter2)/,
    hint: /without these/,
  },
  {
    text: 'authority: { directory: letsencrypt, trust: ca.pem }',
    says: /:1: authority\.trust: must be an absolute path/,
  },
  {
    text: 'authority: { trust: /ca.pem }',
    says: /:1: authority: must be a name, a URL, \{ directory: URL, trust: FILE \}/,
  },
  { text: 'account: { email: admin }', says: /:1: account\.email: is not a mail address/ },
  { text: 'account: { email: ["a@b.example"] }', says: /:1: account\.email: must be a text/ },
  {
    text: 'account: { agree-to-terms: perhaps }',
    says: /:1: account\.agree-to-terms: must be true or false/,
  },
  {
    text: 'account: { external-account: { key-id: k, hmac-key: s3cret } }',
    says: /:1: account\.external-account\.hmac-key: must be a reference(?![^]*s3cret)/,
  },
  {
    text: 'account: { external-account: { key-id: k, hmac-key: { command: [] } } }',
    says: /hmac-key\.command: must name a program/,
  },
  { text: 'resolvers: [dns.example]', says: /:1: resolvers\.0: must be an IP address/ },
  { text: 'resolvers: ["192.0.2.1:99999"]', says: /:1: resolvers\.0: must be an IP address/ },
  // The form of the file.
  { text: 'just words', says: /:1: must be a map of keys/, hint: /begin with, for example, certificates:/ },
  { text: '- a list', says: /:1: must be a map of keys/, hint: /begin with/ },
  { text: 'certificates: {', says: /:\d: .*flow map/i },
  { text: 'certificates:\n\ta.example: {}', says: /:2: Tabs are not allowed/ },
  { text: 'account: {}\naccount: {}', says: /:2: Map keys must be unique/ },
  { text: '%YAML 9\n---\n{}', says: /Unsupported YAML version/ },
  {
    text: `${laughs}\n`,
    says: /certwright\.yaml: has aliases that stand for too much or for themselves/,
    hint: /write out/,
  },
  {
    text: 'certificates: &a { a.example: *a }',
    says: /aliases that stand for too much or for themselves|alias/i,
  },
  {
    text: new Uint8Array([0x61, 0x3a, 0x20, 0xff, 0xfe]),
    says: /cannot read .*certwright\.yaml: .*utf-8/,
    hint: /save it as UTF-8/,
  },
  {
    text: '#'.repeat(2 * 1024 * 1024),
    says: /cannot read .*certwright\.yaml: EFBIG/,
    hint: /no configuration is that large/,
  },
  {
    text: 'certificats: {}\nauthority: letsencript\nresolvers: [x]',
    says: /:1: certificats: [^]*:3: resolvers\.0: /,
  },
]

/** Where the mistake is not in the text of the main file. */
const places: readonly (Omit<Refusal, 'exit'> & {
  readonly name: string
  readonly arrange: (bench: Bench) => Promise<unknown>
})[] = [
  {
    name: 'a file that is not there',
    arrange: ({ configFile }) => rm(configFile),
    says: /there is no configuration file .*certwright\.yaml/,
    hint: /check the path given with --config/,
  },
  {
    name: 'a directory in its place',
    arrange: ({ configFile }) => rm(configFile).then(() => mkdir(configFile)),
    says: /cannot read .*certwright\.yaml: EISDIR/,
    hint: /give the file itself/,
  },
  {
    name: 'a link to itself',
    arrange: ({ configFile }) => rm(configFile).then(() => symlink(configFile, configFile)),
    says: /cannot read .*certwright\.yaml: ELOOP/,
    hint: /permissions/,
  },
  {
    name: 'a file that everybody may write',
    arrange: ({ configFile }) => chmod(configFile, 0o666),
    says: /can be changed by every user/,
    hint: /chmod o-w/,
  },
  {
    name: 'a file in place of the drop-ins',
    arrange: ({ directory }) => writeFile(join(directory, 'certificates.d'), ''),
    says: /cannot list .*certificates\.d: ENOTDIR/,
    hint: /beside the configuration file/,
  },
  {
    name: 'a mistake in a drop-in',
    arrange: bench => dropIn(bench, 'a', 'certificates: { a.example: { kee: x } }'),
    says: /certificates\.d\/a\.yaml:1: certificates\.a\.example\.kee: unknown key/,
    hint: /did you mean key\?/,
  },
  {
    name: 'defaults in a drop-in',
    arrange: bench => dropIn(bench, 'a', 'defaults: {}'),
    says: /certificates\.d\/a\.yaml:1: defaults: is not allowed in a drop-in/,
    hint: /main configuration file/,
  },
  {
    name: 'a name in two files',
    arrange: bench => dropIn(bench, 'a', `certificates: { ${kept}: {} }`),
    says: /certificates\.d\/a\.yaml:1: certificates\.kept\.example: is defined in .*certwright\.yaml already/,
    hint: /choose another name/,
  },
]

describe('a configuration with a mistake', { concurrency: 4, timeout: 5 * timeout }, () => {
  for (const { text, hint = schemaHint, says } of rows) {
    it(`is refused: ${String(text).slice(0, 60).replaceAll('\n', ' ')}`, { timeout }, async () => {
      await using bench = await template.copy()
      await writeFile(bench.configFile, text)
      assertRefused(await bench.run('renew', '--force', kept), { exit: 2, says, hint })
      await bench.assertNothingLost()
    })
  }
  for (const { name, arrange, ...expected } of places) {
    it(`is refused: ${name}`, { timeout }, async () => {
      await using bench = await template.copy()
      await arrange(bench)
      await bench.remember()
      assertRefused(await bench.run('renew', '--force', kept), { exit: 2, ...expected })
      assertRefused(await bench.run('issue', 'new.example', '--standalone'), { exit: 2, ...expected })
      await bench.assertNothingLost()
    })
  }

  it('has its mistakes in --json, one by one', { timeout }, async () => {
    await using bench = await template.copy()
    await bench.configure('certificats: {}\nresolvers: [x]\n')
    const { exitCode, stdout } = await bench.run('config', 'check', '--json')
    assert.equal(exitCode, 2)
    const { error } = JSON.parse(stdout) as { error: { code: string; issues: readonly object[] } }
    assert.equal(error.code, 'ERR_CONFIG')
    assert.deepEqual(error.issues, [
      {
        file: bench.configFile,
        line: 1,
        key: 'certificats',
        text: 'unknown key',
        hint: 'did you mean certificates?',
      },
      { file: bench.configFile, line: 2, key: 'resolvers.0', text: 'must be an IP address, or ADDRESS:PORT' },
    ])
  })
})

async function dropIn({ directory }: Bench, name: string, text: string): Promise<void> {
  await mkdir(join(directory, 'certificates.d'))
  await writeFile(join(directory, 'certificates.d', `${name}.yaml`), text)
}
