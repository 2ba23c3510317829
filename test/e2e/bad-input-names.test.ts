/** Mistyped command lines: what was wrong, what to write instead, exit code 2, and nothing on the disk has changed. */
import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { assertRefused, type Bench, makeTemplate, type Refusal, type Template } from '../support/bench.ts'

const timeout = 60_000
let template: Template
before(async () => {
  template = await makeTemplate()
})
after(() => template[Symbol.asyncDispose]())

type Row = Omit<Refusal, 'exit'> & { readonly name: string; readonly args: readonly string[] }

/** Stands for a configuration without anything. */
const empty = 'EMPTY'
const escape = String.fromCodePoint(0x1b)
const many = Array.from({ length: 101 }, (_, index) => `h${index}.example`)

/** One name after `issue`. */
const names: readonly (Omit<Row, 'args'> & { readonly given: string })[] = [
  { name: 'empty', given: '', says: /"" is empty/, hint: /www\.example\.com/ },
  { name: 'white space alone', given: ' \t', says: /is empty/, hint: /www\.example\.com/ },
  {
    name: 'a label of 64',
    given: `${'a'.repeat(64)}.example`,
    says: /label of 64 characters; 63/,
    hint: /write it/,
  },
  { name: 'overlong', given: `${'abcdefghi.'.repeat(30)}example`, says: /longer than 253/, hint: /write it/ },
  {
    name: 'a megabyte',
    given: `${'a'.repeat(100_000)}.example`,
    says: /"a{80}…" is longer/,
    hint: /write it/,
  },
  { name: 'two dots', given: 'a..example', says: /"a\.\.example" has an empty label/, hint: /write it/ },
  { name: 'a leading dot', given: '.a.example', says: /has an empty label/, hint: /write it/ },
  { name: 'a final hyphen', given: 'a-.example', says: /the label "a-"/, hint: /write it/ },
  {
    name: 'a leading hyphen',
    given: '-a.example',
    says: /unknown option '-a\.example'/,
    hint: /issue --help/,
  },
  { name: 'an underscore', given: 'a_b.example', says: /an underscore/, hint: /a name without one/ },
  {
    name: 'two in one argument',
    given: 'a.example b.example',
    says: /contains white space/,
    hint: /outside the quotes/,
  },
  { name: 'a line feed', given: 'a\nb.example', says: /"a\\u\{a\}b\.example"/, hint: /outside the quotes/ },
  { name: 'a terminal escape', given: `${escape}[2Ja.example`, says: /\\u\{1b\}\[2J/, hint: /write it/ },
  { name: 'a bidirectional override', given: '\u202emoc.elpmaxe', says: /\\u\{202e\}/, hint: /write it/ },
  { name: 'a URL', given: 'https://a.example/', says: /is a URL/, hint: /the host name alone/ },
  { name: 'a mail address', given: 'me@a.example', says: /is a mail address/, hint: /the host name alone/ },
  { name: 'a port', given: 'a.example:443', says: /contains a port/, hint: /port 80/ },
  { name: 'a path', given: 'a.example/x', says: /contains a slash/, hint: /without path/ },
  { name: 'a way out', given: '../../etc/passwd', says: /contains a slash/, hint: /without path/ },
  { name: 'a shell command', given: '$(id).example', says: /the label "\$\(id\)"/, hint: /write it/ },
  { name: 'a quote', given: `a".example`, says: /the label "a""/, hint: /write it/ },
  { name: 'one label', given: 'localhost', says: /only one label/, hint: /full name such as/ },
  { name: 'the root', given: '.', says: /neither an IPv4 address nor a name/, hint: /192\.0\.2\.1/ },
  { name: 'three numbers', given: '1.2.3', says: /"1\.2\.3" is neither/, hint: /four numbers/ },
  { name: 'a number too large', given: '256.1.1.1', says: /neither an IPv4/, hint: /up to 255/ },
  { name: 'a network', given: '192.0.2.0/24', says: /contains a slash/, hint: /prefix length/ },
  { name: 'an address with a port', given: '192.0.2.1:80', says: /contains a port/, hint: /port 80/ },
  {
    name: 'a hexadecimal address',
    given: '0x7f.1',
    says: /ends in a numeric label/,
    hint: /write an address/,
  },
  { name: 'a zone', given: 'fe80::1%eth0', says: /no IPv6 address/, hint: /without zone and port/ },
  { name: 'half of a bracket', given: '[::1', says: /no IPv6 address/, hint: /2001:db8::1/ },
  {
    name: 'a wildcard',
    given: '*.a.example',
    says: /a wildcard, which http-01 cannot prove/,
    hint: /only dns-01/,
  },
  {
    name: 'a wildcard inside',
    given: 'a.*.example',
    says: /not the whole first label/,
    hint: /\*\.example\.com/,
  },
  {
    name: 'a wildcard of an address',
    given: '*.192.0.2.1',
    says: /neither a name nor an address/,
    hint: /without \*/,
  },
  { name: 'a wildcard of nothing', given: '*.example', says: /only one label/, hint: /full name/ },
]

const rows: readonly Row[] = [
  ...names.map(({ name, given, ...row }) => ({
    name: `a name that is ${name}`,
    args: ['issue', given, '--standalone'],
    ...row,
  })),
  {
    name: 'a good name and a bad one',
    args: ['issue', 'a.example', 'b..example', '--standalone'],
    says: /"b\.\.example"/,
    hint: /write it/,
  },
  {
    name: '101 names',
    args: ['issue', ...many, '--standalone'],
    says: /101 names, and no public CA puts more than 100/,
    hint: /split them over several certificates/,
  },
  {
    name: 'no name',
    args: ['issue'],
    says: /no name was given/,
    hint: /certwright issue --help/,
  },
  ...['', '..', 'x/y', 'Shop', '-x', 'a\nb', 'a'.repeat(300)].map(given => ({
    name: `--name ${JSON.stringify(given.slice(0, 10))}`,
    args: ['issue', 'a.example', `--name=${given}`, '--standalone'],
    says: /".*" cannot be used as a name/,
    hint: /up to 200 lower-case letters/,
  })),
  {
    name: 'no way to prove control',
    args: ['issue', 'a.example', '--config', empty],
    says: /nothing says how to prove control over a\.example/,
    hint: /--webroot DIR or --standalone/,
  },
  {
    name: 'two ways to prove control',
    args: ['issue', 'a.example', '--webroot', '/srv', '--standalone'],
    says: /--webroot and --standalone exclude each other/,
    hint: /--standalone where none does/,
  },
  ...['--webroot', '--state', '--config', '--trust', '--nginx-config', '--profile'].map(option => ({
    name: `${option} with an empty value`,
    args: ['issue', 'a.example', option, ''],
    says: new RegExp(`option '${option} <\\w+>' argument '' is invalid. It is empty`),
    hint: /certwright issue --help/,
  })),
  ...['0', '65536', '80a', '-1', ''].map(port => ({
    name: `--http-port "${port}"`,
    args: ['issue', 'a.example', `--http-port=${port}`],
    says: /not a port from 1 to 65535/,
    hint: /certwright issue --help/,
  })),
  ...['admin', 'a@b,c@d', 'a b@c.example', 'a@b?cc=c@d', `${'a'.repeat(300)}@b.example`].map(address => ({
    name: `--email "${address.slice(0, 20)}"`,
    args: ['issue', 'a.example', '--standalone', '--email', address],
    says: /is invalid. It is not a mail address/,
    hint: /certwright issue --help/,
  })),
  {
    name: 'an unknown kind of key',
    args: ['issue', 'a.example', '--key', 'rsa-1024'],
    says: /'rsa-1024' is invalid. Allowed choices are ecdsa-p256/,
    hint: /certwright issue --help/,
  },
  {
    name: 'an unknown target',
    args: ['issue', 'a.example', '--standalone', '--deploy', 'oracle'],
    says: /--deploy: "oracle" is not a known target/,
    hint: /known targets: .*nginx/,
  },
  {
    name: 'an unknown CA',
    args: ['issue', 'a.example', '--standalone', '--authority', 'letsencript'],
    says: /--authority: "letsencript" is neither a known CA nor a directory URL/,
    hint: /did you mean letsencrypt\?/,
  },
  {
    name: 'a directory without TLS',
    args: ['issue', 'a.example', '--standalone', '--authority', 'http://ca.example/directory'],
    says: /--authority: the directory URL .* does not begin with https/,
    hint: /write it with https:\/\//,
  },
  {
    name: 'a directory with a password, which is not repeated',
    args: ['apply', '--authority', 'https://me:hunter2@ca.example/directory'],
    says: /^error: --authority: the directory URL at ca\.example has a user name, a password or a fragment(?![^]*hunter2)/,
    hint: /without these/,
  },
  {
    name: 'roots of no directory',
    args: ['apply', '--trust', '/dev/null'],
    says: /--trust goes with --authority/,
    hint: /--authority URL --trust FILE/,
  },
  {
    name: 'a mistyped command',
    args: ['isue'],
    says: /unknown command 'isue'/,
    hint: /did you mean issue\?/,
  },
  {
    name: 'a mistyped option',
    args: ['issue', 'a.example', '--webrot', '/srv'],
    says: /unknown option '--webrot'/,
    hint: /did you mean --webroot\?/,
  },
  {
    name: 'a mistyped command of a group',
    args: ['account', 'registr'],
    says: /unknown command 'registr'/,
    hint: /did you mean register\?/,
  },
  { name: 'an argument too many', args: ['status', 'x'], says: /too many arguments/, hint: /status --help/ },
  {
    name: 'a name after apply',
    args: ['apply', 'kept.example'],
    says: /apply takes no names: kept\.example/,
    hint: /certwright apply --only kept\.example/,
  },
  {
    name: 'an option without its value',
    args: ['apply', '--only'],
    says: /argument missing/,
    hint: /certwright apply --help/,
  },
  {
    name: 'an unknown reason of revocation',
    args: ['revoke', 'kept.example', '--reason', 'boredom', '--yes'],
    says: /'boredom' is invalid. Allowed choices are/,
    hint: /certwright revoke --help/,
  },
  {
    name: 'revoking without an answer to the question',
    args: ['revoke', 'kept.example'],
    says: /this needs a confirmation/,
    hint: /add --yes/,
  },
  {
    name: 'deleting without an answer to the question',
    args: ['delete', 'kept.example', '--config', empty],
    says: /this needs a confirmation/,
    hint: /add --yes/,
  },
  {
    name: 'deleting what the configuration defines',
    args: ['delete', 'kept.example', '--yes'],
    says: /kept\.example is defined in .*certwright\.yaml/,
    hint: /take it out there first/,
  },
  {
    name: 'issuing what the configuration defines',
    args: ['issue', 'kept.example', 'b.example', '--standalone'],
    says: /kept\.example is defined in .*certwright\.yaml/,
    hint: /certwright apply --only kept\.example/,
  },
  {
    name: 'half of an external account',
    args: ['account', 'register', '--eab-key-id', 'x'],
    says: /--eab-key-id and --eab-hmac-file go together/,
    hint: /the CA shows both/,
  },
  {
    name: 'an unknown server',
    args: ['tls', 'snippet', 'iis'],
    says: /no snippet for "iis"/,
    hint: /known servers: nginx, apache/,
  },
  {
    name: 'a server that cannot be installed into',
    args: ['install', 'postfix', 'kept.example'],
    says: /configuration of "postfix" cannot be edited/,
    hint: /there are: apache, nginx; .*deploy: \[SERVER\]/,
  },
  {
    name: 'an unknown shell',
    args: ['completion', 'tcsh'],
    says: /'tcsh' is invalid/,
    hint: /completion --help/,
  },
]

describe('a command line that cannot be meant', { concurrency: 4, timeout: 5 * timeout }, () => {
  for (const { name, args, ...expected } of rows) {
    it(`is refused: ${name}`, { timeout }, async () => {
      await using bench = await template.copy()
      const emptyFile = join(bench.directory, 'empty.yaml')
      await writeFile(emptyFile, '')
      const files = await fileNames(bench)
      assertRefused(await bench.run(...args.map(arg => (arg === empty ? emptyFile : arg))), {
        exit: 2,
        ...expected,
      })
      await bench.assertNothingLost()
      assert.deepEqual(await fileNames(bench), files)
    })
  }

  for (const command of ['show', 'verify', 'deploy', 'revoke', 'delete', 'apply --only', 'apply --force']) {
    it(`is refused with exit code 1: ${command} and a name that is not there`, { timeout }, async () => {
      await using bench = await template.copy()
      const result = await bench.run(...command.split(' '), 'kept.exmaple')
      assertRefused(result, {
        exit: 1,
        says: /there is no certificate "kept\.exmaple"/,
        hint: /did you mean kept\.example\?/,
      })
      await bench.assertNothingLost()
    })
  }
})

describe('with --json', { concurrency: 4, timeout: 5 * timeout }, () => {
  const cases = [
    { args: ['isue'], exit: 2, code: 'ERR_USAGE' },
    { args: [], exit: 2, code: 'ERR_USAGE' },
    { args: ['account'], exit: 2, code: 'ERR_USAGE' },
    { args: ['issue', 'a_b.example'], exit: 2, code: 'ERR_IDENTIFIER' },
    { args: ['issue', 'a.example', '--key', 'x'], exit: 2, code: 'ERR_USAGE' },
    { args: ['show', 'x'], exit: 1, code: 'ERR_NOT_FOUND' },
    { args: ['apply', '--config', '/dev/null/x'], exit: 2, code: 'ERR_CONFIG_READ' },
    { args: ['apply', '--config', '/etc/passwd'], exit: 2, code: 'ERR_CONFIG' },
  ]
  for (const { args, exit, code } of cases) {
    it(`certwright ${args.join(' ')} prints one document`, { timeout }, async () => {
      await using bench = await template.copy()
      const { exitCode, stdout } = await bench.run(...args, '--json')
      const { error } = JSON.parse(stdout) as { error: Record<string, unknown> }
      assert.equal(exitCode, exit)
      assert.equal(error['code'], code)
      assert.equal(typeof error['message'], 'string')
      assert.equal(typeof error['hint'], 'string')
    })
  }
})

describe('exit code 3', { timeout: 5 * timeout }, () => {
  const cases = [
    { args: ['apply'], exit: 0 },
    { args: ['apply', '--detailed-exitcode'], exit: 3 },
    { args: ['renew', '--detailed-exitcode'], exit: 3 },
    { args: ['apply', '--detailed-exitcode', '--dry-run'], exit: 3 },
    { args: ['apply', '--detailed-exitcode', '--dry-run', '--force', 'kept.example'], exit: 0 },
  ]
  for (const { args, exit } of cases) {
    it(`certwright ${args.join(' ')}: ${exit}`, { timeout }, async () => {
      await using bench = await template.copy()
      assert.equal((await bench.run(...args)).exitCode, exit)
      await bench.assertNothingLost()
    })
  }
})

it('without a command, help is printed to stderr with exit code 2', { timeout }, async () => {
  await using bench = await template.copy()
  const { exitCode, stdout, stderr } = await bench.run()
  assert.equal(exitCode, 2)
  assert.equal(stdout, '')
  assert.match(stderr, /^Examples:\n/)
  assert.match(stderr, /issue \[options\] \[name\.\.\.\]/)
})

it('a host that is verified needs a port', { timeout }, async () => {
  await using bench = await template.copy()
  assertRefused(await bench.run('verify', 'localhost'), {
    exit: 1,
    says: /no certificate "localhost"/,
    hint: /with its port or protocol: localhost:443/,
  })
})

it('the help of a command has no examples of others', { timeout }, async () => {
  await using bench = await template.copy()
  const { exitCode, stdout } = await bench.run('uninstall', '--help')
  assert.equal(exitCode, 0)
  assert.match(stdout, /^Usage: certwright uninstall/)
})

// Locks, the cache of names and an empty directory for drop-ins may appear.
async function fileNames({ directory }: Bench): Promise<readonly string[]> {
  const names = await readdir(directory, { recursive: true })
  return names
    .filter(name => !/^(?:certificates\.d$|state\/locks|state\/configured-names\.json)/.test(name))
    .toSorted()
}
