import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { AppError } from '../../../base/errors.ts'
import type { DeployableCertificate, Endpoint, Inspection } from '../../../contracts/deployer.ts'
import type { NginxTarget } from '../../../contracts/nginx-target.ts'
import type { Exec, ExecResult } from '../../../runtime/exec.ts'
import type { FsOps } from '../../../runtime/files.ts'
import { createNginxDeployer } from './nginx.ts'

const signal = AbortSignal.timeout(60_000)
const main = '/etc/nginx/nginx.conf'
const live = '/cw/live/site'
const pair = `ssl_certificate ${live}/fullchain.pem; ssl_certificate_key ${live}/privkey.pem;`
const other = 'ssl_certificate /o/c.pem; ssl_certificate_key /o/k.pem;'

function certificateFor(identifiers: string): DeployableCertificate {
  return {
    name: 'site',
    identifiers: identifiers.split(' ').map(parseIdentifier),
    liveDirectory: live,
    fingerprint: '00'.repeat(32),
  }
}

/** An nginx that prints this configuration, and runs. */
function nginxWith(config: string, { stderr = '' } = {}): Exec {
  const files = config.startsWith('# configuration file')
    ? config
    : `# configuration file ${main}:\n${config}\n`
  return async (_program, args) => ({
    exitCode: 0,
    stdout: args.includes('-T') ? files : '',
    stderr: args.includes('-V') ? '' : stderr,
  })
}

const facts = { mode: 0o644, uid: 0, gid: 0, size: 0, mtimeMs: 0, ctimeMs: 0, dev: 1, ino: 1 }

/** A disk with links, and with a running nginx in its /proc. */
function disk(links: Readonly<Record<string, string>> = {}): FsOps {
  const contents: Readonly<Record<string, string>> = {
    '/usr/local/nginx/logs/nginx.pid': '7\n',
    '/proc/self/cmdline': 'node',
    '/proc/7/cmdline': 'nginx: master process',
  }
  const never = () => assert.fail('an inspection changes nothing')
  return {
    read: async path => (contents[path] === undefined ? undefined : new TextEncoder().encode(contents[path])),
    facts: async path => {
      if (links[path] !== undefined) return { kind: 'symlink', ...facts }
      return contents[path] === undefined ? undefined : { kind: 'file', ...facts }
    },
    readLink: async path => links[path],
    list: never,
    makeDirectory: never,
    writeNew: never,
    writeDirectory: never,
    replace: never,
    replaceLink: never,
    rename: never,
    remove: never,
  }
}

function inspect(
  config: string,
  {
    names = 'a.test',
    links = {},
    options = {},
    stderr = '',
    keyIsElsewhere = false,
    pair: beside,
  }: {
    readonly names?: string
    readonly links?: Readonly<Record<string, string>>
    readonly options?: NginxTarget
    readonly stderr?: string
    readonly keyIsElsewhere?: boolean
    readonly pair?: DeployableCertificate['pair']
  } = {},
): Promise<Inspection> {
  const deployer = createNginxDeployer(options, { exec: nginxWith(config, { stderr }), files: disk(links) })
  return deployer.inspect(
    { ...certificateFor(names), keyIsElsewhere, ...(beside && { pair: beside }) },
    { signal },
  )
}

/** `host:port name` with `proxy` where that protocol is spoken, `-` where no name is sent. */
function shown({ host, port, serverName, proxyProtocol }: Endpoint): string {
  return `${host}:${port} ${serverName ?? '-'}${proxyProtocol ? ' proxy' : ''}`
}

type Case = {
  readonly name: string
  readonly config: string
  readonly names?: string
  readonly links?: Readonly<Record<string, string>>
  readonly endpoints: readonly string[]
  readonly notes?: readonly RegExp[]
}

const ready: readonly Case[] = [
  {
    name: 'one block on both kinds of address, all its names',
    config: `http { server { listen 443 ssl; listen [::]:443 ssl; server_name a.test www.a.test; ${pair} } }`,
    names: 'a.test www.a.test',
    endpoints: ['127.0.0.1:443 a.test', '127.0.0.1:443 www.a.test', '::1:443 a.test', '::1:443 www.a.test'],
  },
  {
    name: 'the plain block of the same name is no endpoint',
    config: `http {
      server { listen 80; server_name a.test; return 301 https://$host$request_uri; }
      server { listen 443 ssl; server_name a.test; ${pair} } }`,
    endpoints: ['127.0.0.1:443 a.test'],
  },
  {
    name: 'a certificate that the block inherits',
    config: `http { ${pair} server { listen 443 ssl; server_name a.test; } }`,
    endpoints: ['127.0.0.1:443 a.test'],
  },
  {
    name: 'a certificate of its own replaces the inherited one',
    config: `http { ${pair}
      server { listen 443 ssl; server_name a.test; }
      server { listen 443 ssl; server_name b.test; ${other} } }`,
    names: 'a.test b.test',
    endpoints: ['127.0.0.1:443 a.test'],
    notes: [/nginx\.conf:3: answers for b\.test with \/o\/c\.pem/],
  },
  {
    name: 'a path that is a link to the live file',
    config: `http { server { listen 443 ssl; server_name a.test; ssl_certificate ssl/a.pem; ssl_certificate_key ssl/a.key; } }`,
    links: { '/etc/nginx/ssl/a.pem': `${live}/fullchain.pem`, '/etc/nginx/ssl/a.key': `${live}/privkey.pem` },
    endpoints: ['127.0.0.1:443 a.test'],
  },
  {
    name: 'the ssl and proxy_protocol flags of another block on the same socket',
    config: `http {
      server { listen 8443 ssl proxy_protocol; server_name b.test; ${other} }
      server { listen *:8443; server_name a.test; ${pair} } }`,
    endpoints: ['127.0.0.1:8443 a.test proxy'],
  },
  {
    name: 'a given address, not loopback',
    config: `http { server { listen 192.0.2.1:443 ssl; listen [2001:db8::1]:443 ssl; server_name a.test; ${pair} } }`,
    endpoints: ['192.0.2.1:443 a.test', '2001:db8::1:443 a.test'],
  },
  {
    name: 'a wildcard in the certificate and exact names in nginx',
    config: `http { server { listen 443 ssl; server_name x.a.test y.a.test a.test x.y.a.test; ${pair} } }`,
    names: '*.a.test',
    endpoints: ['127.0.0.1:443 x.a.test', '127.0.0.1:443 y.a.test'],
  },
  {
    name: 'a wildcard on both sides, one name of it elsewhere',
    config: `http {
      server { listen 443 ssl; server_name *.a.test; ${pair} }
      server { listen 443 ssl; server_name x.a.test; ${other} } }`,
    names: '*.a.test x.a.test',
    endpoints: ['127.0.0.1:443 certwright-probe.a.test'],
    notes: [/nginx\.conf:3: answers for x\.a\.test with \/o\/c\.pem/],
  },
  {
    name: 'the default server, when no block has the name',
    config: `http {
      server { listen 443 ssl; server_name b.test; ${other} }
      server { listen 443 ssl default_server; server_name _; ${pair} } }`,
    endpoints: ['127.0.0.1:443 a.test'],
  },
  {
    name: 'an address in the certificate is asked for without a name, which the default server answers',
    config: `http { server { listen 443 ssl; server_name ''; ${pair} } }`,
    names: '192.0.2.1',
    endpoints: ['127.0.0.1:443 -'],
  },
  {
    name: 'names that only a regular expression could select are left to nginx',
    config: `http {
      server { listen 443 ssl; server_name b.test; ${other} }
      server { listen 443 ssl; server_name ~^a\\.; ${pair} } }`,
    endpoints: [],
    notes: [/nginx\.conf:3: uses the certificate, but has a regular expression/],
  },
  {
    name: 'a block whose names the certificate does not have',
    config: `http {
      server { listen 443 ssl; server_name a.test; ${pair} }
      server { listen 443 ssl; server_name b.test; ${pair} } }`,
    endpoints: ['127.0.0.1:443 a.test'],
    notes: [/nginx\.conf:3: uses the certificate, but no name in the certificate leads/],
  },
  {
    name: 'a file system socket is not looked at',
    config: `http { server { listen unix:/run/x.sock ssl; server_name a.test; ${pair} } }`,
    endpoints: [],
    notes: [/unix:\/run\/x\.sock \(\S+:1\) is not looked at: a socket in the file system/],
  },
  {
    name: 'a wildcard address that a loopback listen hides',
    config: `http {
      server { listen 443 ssl; server_name a.test; ${pair} }
      server { listen 127.0.0.1:443 ssl; server_name b.test; ${other} } }`,
    endpoints: [],
    notes: [/0\.0\.0\.0:443 .* hidden .* 127\.0\.0\.1/],
  },
  {
    name: 'a block without TLS that names the certificate all the same',
    config: `http { server { listen 80; server_name a.test; ${pair} } }`,
    endpoints: [],
    notes: [
      /uses the certificate, but has no "listen … ssl"/,
      /no server block that speaks TLS has the name a\.test/,
    ],
  },
  {
    name: 'a name that is missing in nginx',
    config: `http {
      server { listen 443 ssl; server_name c.test; ${other} }
      server { listen 443 ssl; server_name a.test; ${pair} } }`,
    names: 'a.test b.test',
    endpoints: ['127.0.0.1:443 a.test'],
    notes: [/no server block that speaks TLS has the name b\.test/],
  },
  {
    name: 'QUIC beside TCP on the same port',
    config: `http { server { listen 443 quic reuseport; listen 443 ssl; server_name a.test; ${pair} } }`,
    endpoints: ['127.0.0.1:443 a.test'],
  },
  {
    name: 'old style: ssl on',
    config: `http { server { listen 443; ssl on; server_name a.test; ${pair} } }`,
    endpoints: ['127.0.0.1:443 a.test'],
  },
  {
    name: 'stream and mail servers',
    config: `stream { ${pair} server { listen 636 ssl; proxy_pass x:389; } server { listen 637; proxy_pass x:1; } }
      mail { server { listen 993 ssl; server_name a.test; ${pair} } }`,
    endpoints: ['127.0.0.1:636 a.test', '127.0.0.1:993 a.test'],
  },
  {
    name: 'a block that refuses handshakes answers for nobody',
    config: `http { ${pair}
      server { listen 443 ssl default_server; ssl_reject_handshake on; }
      server { listen 443 ssl; server_name a.test; } }`,
    endpoints: ['127.0.0.1:443 a.test'],
  },
  {
    name: 'a key from elsewhere and a certificate without its chain',
    config: `http { server { listen 443 ssl; server_name a.test;
      ssl_certificate ${live}/cert.pem; ssl_certificate_key /o/k.pem; } }`,
    endpoints: ['127.0.0.1:443 a.test'],
    notes: [/:2: cert\.pem lacks the intermediates/, /:2: \/o\/k\.pem is not the key beside the certificate/],
  },
  {
    name: 'two certificates for two kinds of key',
    config: `http { server { listen 443 ssl; server_name a.test; ${pair} ${other} } }`,
    endpoints: ['127.0.0.1:443 a.test'],
    notes: [/\/o\/c\.pem stands beside this certificate/],
  },
  {
    name: 'a configuration with everything that confuses parsers',
    config: `user www-data; # an odd " quote {
      events { worker_connections 768; }
      http {
        map $host $x { default 0; "~^(?<n>a{1,2})\\.test$" 1; include none.map; }
        geo $g { ranges; 192.0.2.0-192.0.2.9 1; }
        log_format m '$remote_addr "$request" {';
        init_by_lua_block { local server = "server { listen 443 ssl; ssl_certificate ${live}/fullchain.pem; }" -- }
        }
        upstream server { server 127.0.0.1:8080; }
        server # the site {
        {
          listen 443 ssl http2;
          "server_name" "A.test" # www.a.test
            'b.test';
          ssl_certificate "${live}/fullchain.pem"; ssl_certificate_key ${live}/privkey.pem;
          location ~ ^/\\{server { return 200 "server { listen 1; }"; }
          if ($host = "a.test") { set $ssl_certificate /x; }
          location / { content_by_lua_block { ngx.say([[}]]) } }
        }
      }`,
    names: 'a.test b.test',
    endpoints: ['127.0.0.1:443 a.test', '127.0.0.1:443 b.test'],
  },
]

for (const { name, config, names, links, endpoints, notes = [] } of ready) {
  test(name, async () => {
    const inspection = await inspect(config, { ...(names && { names }), ...(links && { links }) })
    assert.ok(inspection.state === 'ready', JSON.stringify(inspection))
    assert.deepEqual(inspection.endpoints.map(shown), endpoints)
    assert.equal(inspection.notes.length, notes.length, inspection.notes.join('\n'))
    for (const [index, note] of notes.entries()) assert.match(inspection.notes[index] ?? '', note)
  })
}

/** What follows the lines that a person could add. */
const offer = 'or have that done, and shown first: certwright install nginx site'

test('a key that was made elsewhere is where nginx reads it', async () => {
  const config = (lines: string) => `http { server { listen 443 ssl; server_name a.test;\n${lines} } }`
  const inspection = await inspect(
    config(`ssl_certificate ${live}/fullchain.pem; ssl_certificate_key /o/k.pem;`),
    {
      keyIsElsewhere: true,
    },
  )
  assert.ok(inspection.state === 'ready')
  assert.deepEqual(inspection.notes, [])

  const replaced = await inspect(config(other), { keyIsElsewhere: true })
  assert.ok(replaced.state === 'unused')
  assert.deepEqual(replaced.error.hint?.split('\n'), [
    `in ${main}:2, replace /o/c.pem:`,
    `    ssl_certificate ${live}/fullchain.pem;`,
    offer,
  ])
  const added = await inspect(config(''), { keyIsElsewhere: true })
  assert.ok(added.state === 'unused')
  assert.match(added.error.hint ?? '', /ssl_certificate_key \/PATH\/OF\/THE\/KEY; # the one/)
})

test('the two certificates of a pair stand in one block, and the advice for one leaves the other in place', async () => {
  const beside = { keyKind: 'ecdsa', otherDirectory: '/cw/live/site-rsa' } as const
  const second = [
    'ssl_certificate /cw/live/site-rsa/fullchain.pem;',
    'ssl_certificate_key /cw/live/site-rsa/privkey.pem;',
  ]
  const config = (lines: string) => `http { server { listen 443 ssl; server_name a.test;\n${lines} } }`
  const both = await inspect(config(`${pair} ${second.join(' ')}`), { pair: beside })
  assert.ok(both.state === 'ready')
  assert.deepEqual(both.notes, [])

  const added = await inspect(config(second.join(' ')), { pair: beside })
  assert.ok(added.state === 'unused')
  assert.equal(added.error.hint, [`in ${main}:1, add to the server block:`, ...newPair, offer].join('\n'))

  const neither = await inspect(config(''), { pair: beside })
  assert.ok(neither.state === 'unused')
  assert.equal(
    neither.error.hint,
    [`in ${main}:1, add to the server block:`, ...newPair, ...second.map(line => `    ${line}`), offer].join(
      '\n',
    ),
  )

  const foreign = await inspect(config(other), { pair: beside })
  assert.ok(foreign.state === 'unused')
  assert.match(
    foreign.error.hint ?? '',
    /replace \/o\/k\.pem:\n.*\nand beside them:\n    ssl_certificate \S+site-rsa/,
  )
})

test('endpoints and notes name the file that is included', async () => {
  const dump = [
    `# configuration file ${main}:\nhttp {\n include sites/*;\n}\n`,
    `# configuration file /etc/nginx/sites/a:\n\nserver { listen 443 ssl; include parts/name; ${pair} }\n`,
    '# configuration file /etc/nginx/parts/name:\nserver_name a.test;\n',
  ].join('\n')
  const inspection = await inspect(dump)
  assert.ok(inspection.state === 'ready')
  assert.deepEqual(
    inspection.endpoints.map(({ source }) => source),
    ['/etc/nginx/sites/a:2'],
  )
})

test('warnings of nginx become notes', async () => {
  const config = `http { server { listen 443 ssl; server_name a.test; ${pair} } }`
  const inspection = await inspect(config, { stderr: 'nginx: [warn] conflicting server name\n' })
  assert.ok(inspection.state === 'ready')
  assert.deepEqual(inspection.notes, ['nginx warns: conflicting server name'])
})

type UnusedCase = {
  readonly name: string
  readonly config: string
  readonly names?: string
  readonly links?: Readonly<Record<string, string>>
  readonly hint: readonly string[]
}

const newPair = [`    ssl_certificate ${live}/fullchain.pem;`, `    ssl_certificate_key ${live}/privkey.pem;`]

const unused: readonly UnusedCase[] = [
  {
    name: 'a TLS block with another certificate: replace its lines',
    config: `http { server { listen 443 ssl; server_name a.test;
      ssl_certificate /o/c.pem;
      ssl_certificate_key /o/k.pem; } }`,
    hint: [
      `in ${main}:2, replace /o/c.pem:`,
      `    ssl_certificate ${live}/fullchain.pem;`,
      `in ${main}:3, replace /o/k.pem:`,
      `    ssl_certificate_key ${live}/privkey.pem;`,
    ],
  },
  {
    name: 'a path past the link',
    config: `http { server { listen 443 ssl; server_name a.test;
      ssl_certificate /cw/archive/site/1/fullchain.pem; ssl_certificate_key /o/k.pem; } }`,
    links: { [live]: '../archive/site/1' },
    hint: [
      `in ${main}:2, replace /cw/archive/site/1/fullchain.pem (that file is never replaced; the link is):`,
      `    ssl_certificate ${live}/fullchain.pem;`,
      `in ${main}:2, replace /o/k.pem:`,
      `    ssl_certificate_key ${live}/privkey.pem;`,
    ],
  },
  {
    name: 'a TLS block that inherits another certificate: add to it',
    config: `http { ${other}\n server { listen 443 ssl; server_name a.test; } }`,
    hint: [`in ${main}:2, add to the server block:`, ...newPair],
  },
  {
    name: 'a plain block: the same addresses with TLS',
    config: `http {\n server { listen 80; listen [::]:80; listen 192.0.2.1:80; server_name a.test; } }`,
    hint: [
      `in ${main}:2, add to the server block:`,
      '    listen 443 ssl;',
      '    listen [::]:443 ssl;',
      '    listen 192.0.2.1:443 ssl;',
      ...newPair,
    ],
  },
  ...[
    'return 301 https://$host$request_uri;',
    'return https://a.test/;',
    'rewrite ^ https://a.test/ permanent;',
    'location / { return 301 https://$host$request_uri; }',
    'location ^~ / { return 308 https://$host$request_uri; }',
  ].map(redirect => ({
    name: `a plain block with ${redirect} would redirect to itself: a new one`,
    config: `http {\n server { listen 80; listen 192.0.2.1:80; server_name a.test; ${redirect} } }`,
    hint: [
      `${main}:2 redirects to https, which no server block answers; beside it, add:`,
      '    server {',
      '        listen 443 ssl;',
      '        listen 192.0.2.1:443 ssl;',
      '        server_name a.test;',
      ...newPair.map(line => `    ${line}`),
      '    }',
    ],
  })),
  ...[
    'return 301 http://other.test/;',
    'if ($host = b.test) { return 301 https://$host; }',
    'location = / { return 301 https://shop.test/; }',
    'location /shop { return 301 https://shop.test/; }',
  ].map(redirect => ({
    name: `a plain block with ${redirect} is a site: add to it`,
    config: `http {\n server { listen 80; server_name a.test; ${redirect} } }`,
    hint: [`in ${main}:2, add to the server block:`, '    listen 443 ssl;', ...newPair],
  })),
  {
    name: 'a TLS block that redirects to another https site is taken all the same',
    config: `http { ${other}\n server { listen 443 ssl; server_name a.test; return 301 https://b.test/; } }`,
    hint: [`in ${main}:2, add to the server block:`, ...newPair],
  },
  {
    name: 'a plain site is preferred to a redirect',
    config: `http { server { listen 80; server_name a.test; return 301 https://$host; }
      server { listen 192.0.2.1:80; server_name a.test; } }`,
    hint: [`in ${main}:2, add to the server block:`, '    listen 192.0.2.1:443 ssl;', ...newPair],
  },
  {
    name: 'the TLS block is preferred to the plain one',
    config: `http { server { server_name a.test; }
      server { listen 443 ssl; server_name a.test; } }`,
    hint: [`in ${main}:2, add to the server block:`, ...newPair],
  },
  {
    name: 'no block of that name: a new one',
    config: 'http { server { listen 443 ssl; server_name b.test; } }',
    names: 'a.test www.a.test',
    hint: [
      'no server block has the server_name a.test or another name of the certificate; inside http, add:',
      '    server {',
      '        listen 443 ssl;',
      '        listen [::]:443 ssl;',
      '        server_name a.test www.a.test;',
      ...newPair.map(line => `    ${line}`),
      '    }',
    ],
  },
]

for (const { name, config, names, links, hint } of unused) {
  test(name, async () => {
    const inspection = await inspect(config, { ...(names && { names }), ...(links && { links }) })
    assert.ok(inspection.state === 'unused', JSON.stringify(inspection))
    assert.equal(inspection.error.code, 'ERR_DEPLOY_UNUSED')
    assert.equal(inspection.error.hint, [...hint, offer].join('\n'))
  })
}

type BrokenCase = {
  readonly name: string
  readonly exec: Exec
  readonly state: Inspection['state']
  readonly error: { readonly code: string; readonly message: RegExp; readonly hint: RegExp }
}

const failing =
  (stderr: string): Exec =>
  async () => ({ exitCode: 1, stdout: '', stderr })

const broken: readonly BrokenCase[] = [
  {
    name: 'nginx is not installed',
    exec: async () => {
      throw new AppError('ERR_EXEC', 'there is no program nginx', { hint: 'install it' })
    },
    state: 'broken',
    error: { code: 'ERR_DEPLOY_BROKEN_BEFORE', message: /there is no program nginx/, hint: /install it/ },
  },
  {
    name: 'the configuration is broken',
    exec: failing('nginx: [emerg] unknown directive "x\u0007" in /etc/nginx/nginx.conf:3\n'),
    state: 'broken',
    error: { code: 'ERR_DEPLOY_BROKEN_BEFORE', message: /"x\\u\{7\}" in \S+:3$/, hint: /nginx -t/ },
  },
  {
    name: 'the files are not there yet',
    exec: failing(
      `nginx: [emerg] cannot load certificate "${live}/fullchain.pem": (No such file or directory)\n`,
    ),
    state: 'broken',
    error: {
      code: 'ERR_DEPLOY_BROKEN_BEFORE',
      message: /cannot load/,
      hint: /first certificate.*certwright apply/,
    },
  },
  {
    name: 'not root',
    exec: failing('nginx: [emerg] open() "/x" failed (13: Permission denied)\n'),
    state: 'broken',
    error: { code: 'ERR_DEPLOY_BROKEN_BEFORE', message: /Permission denied/, hint: /as root/ },
  },
  {
    name: 'a dump that cannot be understood',
    exec: nginxWith('http {'),
    state: 'broken',
    error: { code: 'ERR_DEPLOY', message: /nginx\.conf:1: "http" has no end/, hint: /report/ },
  },
  {
    name: 'nginx does not run',
    exec: nginxWith(`pid /gone.pid; http { server { listen 443 ssl; server_name a.test; ${pair} } }`),
    state: 'not-running',
    error: { code: 'ERR_DEPLOY', message: /\/gone\.pid does not exist/, hint: /start/ },
  },
]

for (const { name, exec, state, error } of broken) {
  test(`${name}: ${state}`, async () => {
    const deployer = createNginxDeployer({}, { exec, files: disk() })
    const inspection = await deployer.inspect(certificateFor('a.test'), { signal })
    assert.equal(inspection.state, state)
    assert.ok(inspection.state !== 'ready')
    assert.equal(inspection.error.code, error.code)
    assert.match(inspection.error.message, error.message)
    assert.match(inspection.error.hint ?? '', error.hint)
  })
}

test('files that may not be looked at make it impossible to tell', async () => {
  const files: FsOps = {
    ...disk(),
    facts: async () => {
      throw Object.assign(new Error('EACCES'), { code: 'EACCES' })
    },
  }
  const exec = nginxWith(`http { server { listen 443 ssl; server_name a.test; ${pair} } }`)
  const inspection = await createNginxDeployer({}, { exec, files }).inspect(certificateFor('a.test'), {
    signal,
  })
  assert.ok(inspection.state === 'broken')
  assert.match(inspection.error.hint ?? '', /as root/)
})

test('with a reload command of its own, nginx may run where it cannot be seen', async () => {
  const config = `pid /gone.pid; http { server { listen 443 ssl; server_name a.test; ${pair} } }`
  const inspection = await inspect(config, {
    options: { reload: ['docker', 'exec', 'web', 'nginx', '-s', 'reload'] },
  })
  assert.equal(inspection.state, 'ready')
})

test('cancelling an inspection is not a broken configuration', async () => {
  const exec: Exec = async () => {
    throw new AppError('ERR_ABORTED', 'cancelled')
  }
  const deployer = createNginxDeployer({}, { exec, files: disk() })
  await assert.rejects(deployer.inspect(certificateFor('a.test'), { signal }), { code: 'ERR_ABORTED' })
})

/** Records what was run and answers by the last argument. */
function recorder(answers: Readonly<Record<string, Partial<ExecResult>>> = {}) {
  const calls: string[] = []
  const exec: Exec = async (program, args) => {
    calls.push([program, ...args].join(' '))
    return { exitCode: 0, stdout: '', stderr: '', ...answers[args.at(-1) ?? ''] }
  }
  return { calls, exec }
}

test('activation tests, then reloads, with the files that were configured', async () => {
  const { calls, exec } = recorder()
  const options = { program: '/opt/nginx', config: '/x.conf', prefix: '/p/' }
  await createNginxDeployer(options, { exec, files: disk() }).activate({ signal })
  assert.deepEqual(calls, ['/opt/nginx -p /p/ -c /x.conf -t', '/opt/nginx -p /p/ -c /x.conf -s reload'])
})

test('activation uses the reload command that was configured', async () => {
  const { calls, exec } = recorder()
  const options = { reload: ['systemctl', 'reload', 'nginx'] }
  await createNginxDeployer(options, { exec, files: disk() }).activate({ signal })
  assert.deepEqual(calls, ['nginx -t', 'systemctl reload nginx'])
})

test('a failed test is never followed by a reload', async () => {
  const { calls, exec } = recorder({ '-t': { exitCode: 1, stderr: 'nginx: [emerg] key values mismatch\n' } })
  const activation = createNginxDeployer({}, { exec, files: disk() }).activate({ signal })
  await assert.rejects(activation, { code: 'ERR_DEPLOY', message: /key values mismatch$/ })
  assert.deepEqual(calls, ['nginx -t'])
})

test('a failed reload is an error in the words of nginx', async () => {
  const { exec } = recorder({
    reload: { exitCode: 1, stderr: 'nginx: [error] invalid PID number "" in "/run/x"\n' },
  })
  const activation = createNginxDeployer({}, { exec, files: disk() }).activate({ signal })
  await assert.rejects(activation, {
    code: 'ERR_DEPLOY',
    message: /"nginx -s reload" failed: invalid PID number/,
  })
})

test('a reload that takes too long is a failed deployment', async () => {
  const exec: Exec = async (_program, args) => {
    if (args.includes('reload')) throw new AppError('ERR_EXEC', 'it took longer than 60 s')
    return { exitCode: 0, stdout: '', stderr: '' }
  }
  const activation = createNginxDeployer({}, { exec, files: disk() }).activate({ signal })
  await assert.rejects(activation, { code: 'ERR_DEPLOY', message: /took longer/ })
})

test('any configuration ends in an inspection', async () => {
  const pieces = fc.constantFrom(
    ...[
      'http {',
      'stream {',
      'server {',
      '}',
      ';',
      '\n',
      '"',
      "'",
      '#',
      'include *;',
      'include nginx.conf;',
      '${',
    ],
    ...[
      'listen 443 ssl;',
      'listen [::]:443 default_server;',
      'listen unix:/x ssl;',
      'listen 1-9 ssl proxy_protocol;',
    ],
    ...[
      'server_name a.test *.a.test;',
      'server_name ~x .a.test www.*;',
      pair,
      other,
      'ssl_certificate $x;',
      'pid x;',
    ],
    ...['x_by_lua_block {', '\n# configuration file /etc/nginx/b:\n', 'listen', 'ssl_certificate', ' '],
  )
  const names = fc.constantFrom('a.test', '*.a.test', '192.0.2.1', 'www.a.test *.a.test')
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 60 }), names, async (parts, names) => {
      const { state } = await inspect(parts.join(' '), { names })
      return ['ready', 'unused', 'broken', 'not-running'].includes(state)
    }),
    { numRuns: 1_000 },
  )
})
