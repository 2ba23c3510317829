import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AppError } from '../../../base/errors.ts'
import { applyEdits } from '../../../base/text-edit.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { InstallWishes } from '../../../contracts/installer.ts'
import { parseFile, parseFiles } from '../../deployers/nginx/config.ts'
import { serverBlocks } from '../../deployers/nginx/server-blocks.ts'
import { decideEdits } from './decide.ts'
import { printDirectives } from './print.ts'
import type { NginxFacts } from './secure-listen.ts'

const name = '/etc/nginx/nginx.conf'
const live = '/cw/live/shop'
const usual = {
  ...{ redirect: false, profile: 'intermediate', serverNames: [], webroot: '/srv/acme' },
  ...{ httpPort: 80, httpsPort: 443 },
} as const satisfies InstallWishes
const modern: NginxFacts = { version: [1, 28, 0], hasHttp2: true }
const old: NginxFacts = { version: [1, 22, 1], hasHttp2: true }

const ownFiles = [
  { name: '/own/challenge', text: 'location ^~ /.well-known/acme-challenge/ { root /srv/acme; }' },
  { name: '/own/tls', text: 'ssl_protocols TLSv1.3;' },
]

type Given = {
  readonly text: string
  readonly wishes?: Partial<InstallWishes>
  readonly facts?: NginxFacts
  readonly certificate?: Partial<DeployableCertificate>
  readonly names?: readonly string[]
}

function decide({ text, wishes, facts = modern, certificate, names = ['shop.example'] }: Given) {
  const source = { name, path: name, current: text, text }
  const decision = decideEdits({
    certificate: {
      name: 'shop',
      identifiers: names.map(value => ({ type: 'dns', value })),
      liveDirectory: live,
      fingerprint: '',
      ...certificate,
    },
    blocks: serverBlocks(parseFiles([source, ...ownFiles])),
    sources: new Map([[name, source]]),
    facts,
    wishes: { ...usual, ...wishes },
    leadsTo: ({ path }, directory) => path?.startsWith(`${directory}/`) === true,
    challengeFile: '/own/challenge',
    tlsFile: '/own/tls',
    tlsSettings: new Set(['ssl_protocols', 'ssl_ciphers']),
  })
  return { ...decision, edited: applyEdits(text, decision.edits) }
}

/** Without the marks, which are in every line that was added. */
const plain = (text: string) => text.replaceAll(' # certwright: shop', '')

const block = (...lines: readonly string[]) =>
  `http {\n  server {\n${lines.map(line => `    ${line}\n`).join('')}  }\n}\n`
const tlsLines = [
  'ssl_certificate /cw/live/shop/fullchain.pem;',
  'ssl_certificate_key /cw/live/shop/privkey.pem;',
  'include /own/tls;',
] as const
const oldPair = ['ssl_certificate /old.pem;', 'ssl_certificate_key /old.key;'] as const

const cases: readonly (Given & { readonly title: string; readonly expected: string })[] = [
  {
    title: 'TLS comes to the block that has the name, at the same addresses',
    text: block('listen 80;', 'listen [::]:80;', 'server_name shop.example;'),
    expected: block(
      ...['include /own/challenge;', 'listen 80;', 'listen [::]:80;', 'server_name shop.example;'],
      ...['listen 443 ssl;', 'listen [::]:443 ssl;', 'http2 on;', ...tlsLines],
    ),
  },
  {
    title: 'before 1.25.1 HTTP/2 is a word of listen',
    facts: old,
    text: block('listen 80;', 'server_name shop.example;'),
    expected: block(
      ...[
        'include /own/challenge;',
        'listen 80;',
        'server_name shop.example;',
        'listen 443 ssl http2;',
        ...tlsLines,
      ],
    ),
  },
  {
    title: 'without listen a block has port 80, which it would lose with a listen of another port',
    text: block('server_name shop.example;'),
    expected: block(
      ...[
        'include /own/challenge;',
        'server_name shop.example;',
        'listen 80;',
        'listen 443 ssl;',
        'http2 on;',
        ...tlsLines,
      ],
    ),
  },
  {
    title: 'a proxy before port 80 is one before port 443, too',
    text: block('listen 80 proxy_protocol reuseport;', 'server_name shop.example;'),
    expected: block(
      ...['include /own/challenge;', 'listen 80 proxy_protocol reuseport;', 'server_name shop.example;'],
      ...['listen 443 ssl proxy_protocol;', 'http2 on;', ...tlsLines],
    ),
  },
  {
    title: 'without a webroot there is no location for challenges',
    wishes: { webroot: undefined as unknown as string },
    text: block('listen 80;', 'server_name shop.example;'),
    expected: block('listen 80;', 'server_name shop.example;', 'listen 443 ssl;', 'http2 on;', ...tlsLines),
  },
  {
    title: 'with a redirect the block becomes the one for TLS, and another one answers plain requests',
    wishes: { redirect: true, hstsSeconds: 300 },
    text: 'http {\n  server {\n    listen 80 default_server; # all\n    server_name shop.example;\n  }\n}\n',
    expected: `http {
  server {
    include /own/challenge;
    listen 80 default_server;
    server_name shop.example;
    location / {
      return 301 https://$host$request_uri;
    }
  }
  server {
    listen 443 ssl; # all
    server_name shop.example;
    http2 on;
    ssl_certificate /cw/live/shop/fullchain.pem;
    ssl_certificate_key /cw/live/shop/privkey.pem;
    include /own/tls;
    add_header Strict-Transport-Security "max-age=300" always;
  }
}
`,
  },
  {
    title: 'a block for TLS gets the certificate in place, without a second one of another kind',
    text: block('listen 443 ssl;', 'server_name shop.example;', ...oldPair, ...oldPair, 'ssl_ciphers HIGH;'),
    expected: block(
      ...['listen 443 ssl;', 'server_name shop.example;', ...tlsLines.slice(0, 2), 'ssl_ciphers HIGH;'],
    ),
  },
  {
    title: 'a pair of certificates is put in together',
    certificate: { pair: { keyKind: 'ecdsa', otherDirectory: '/cw/live/shop-rsa' } },
    text: block('listen 443 ssl;', 'server_name shop.example;', 'ssl_protocols TLSv1.3;', ...oldPair),
    expected: block(
      ...['listen 443 ssl;', 'server_name shop.example;', 'ssl_protocols TLSv1.3;', ...tlsLines.slice(0, 2)],
      ...[
        'ssl_certificate /cw/live/shop-rsa/fullchain.pem;',
        'ssl_certificate_key /cw/live/shop-rsa/privkey.pem;',
      ],
    ),
  },
  {
    title: 'headers that the block had inherited stay beside the new one',
    wishes: { hstsSeconds: 300 },
    text: `http {\n  add_header X-A "b; c";\n  server {\n    listen 443 ssl;\n    server_name shop.example;\n    location /x { add_header X-D e; }\n  }\n}\n`,
    expected: `http {
  add_header X-A "b; c";
  server {
    listen 443 ssl;
    server_name shop.example;
    location /x { add_header X-D e;
      add_header Strict-Transport-Security "max-age=300" always;
    }
    ssl_certificate /cw/live/shop/fullchain.pem;
    ssl_certificate_key /cw/live/shop/privkey.pem;
    include /own/tls;
    add_header X-A "b; c";
    add_header Strict-Transport-Security "max-age=300" always;
  }
}
`,
  },
  {
    title: 'where another block answers TLS, the plain one only sends on, and challenges pass',
    wishes: { redirect: true, webroot: undefined as unknown as string },
    text: `http {
  server {
    listen 80;
    server_name shop.example;
  }
  server { listen 443 ssl; server_name shop.example; include /own/tls; ssl_protocols TLSv1.3; ${tlsLines.slice(0, 2).join(' ')} }
}
`,
    expected: `http {
  server {
    rewrite ^(/\\.well-known/acme-challenge/.*)$ $1 break;
    return 301 https://$host$request_uri;
    listen 80;
    server_name shop.example;
  }
  server { listen 443 ssl; server_name shop.example; include /own/tls; ssl_protocols TLSv1.3; ${tlsLines.slice(0, 2).join(' ')} }
}
`,
  },
  {
    title: 'a location for challenges goes along to the block that answers plain requests, with its root',
    wishes: { redirect: true, webroot: undefined as unknown as string },
    text: `http {
  server {
    listen 80;
    root "/srv/shop";
    server_name shop.example;
    location ^~ /.well-known/acme-challenge/ {
      default_type text/plain;
    }
  }
}
`,
    expected: `http {
  server {
    root "/srv/shop";
    location ^~ /.well-known/acme-challenge/ {
      default_type text/plain;
    }
    listen 80;
    server_name shop.example;
    location / {
      return 301 https://$host$request_uri;
    }
  }
  server {
    listen 443 ssl;
    root "/srv/shop";
    server_name shop.example;
    location ^~ /.well-known/acme-challenge/ {
      default_type text/plain;
    }
    http2 on;
    ssl_certificate /cw/live/shop/fullchain.pem;
    ssl_certificate_key /cw/live/shop/privkey.pem;
    include /own/tls;
  }
}
`,
  },
  {
    title: 'a block can be named as it stands there',
    wishes: { serverNames: ['_'] },
    text: block('listen 80 default_server;', 'server_name _;'),
    expected: block(
      ...[
        'include /own/challenge;',
        'listen 80 default_server;',
        'server_name _;',
        'listen 443 ssl;',
        'http2 on;',
        ...tlsLines,
      ],
    ),
  },
  {
    title: 'a certificate with a wildcard is for every block that it covers',
    names: ['*.shop.example'],
    text: `http {
  server { listen 80; server_name a.shop.example; }
  server { listen 80; server_name b.c.shop.example; }
}
`,
    expected: `http {
  server {
    include /own/challenge;
    listen 80; server_name a.shop.example;
    listen 443 ssl;
    http2 on;
    ssl_certificate /cw/live/shop/fullchain.pem;
    ssl_certificate_key /cw/live/shop/privkey.pem;
    include /own/tls;
  }
  server { listen 80; server_name b.c.shop.example; }
}
`,
  },
]

for (const { title, expected, ...given } of cases) {
  test(title, () => {
    const { edited } = decide(given)
    assert.equal(plain(edited), expected)
    assert.deepEqual(decide({ ...given, text: edited }).edits, [], 'a second time there is nothing to do')
  })
}

const refusals: readonly (Given & { readonly title: string; readonly says: RegExp })[] = [
  {
    title: 'HSTS without a redirect would be sent without TLS',
    wishes: { hstsSeconds: 300 },
    text: block('listen 80;', 'server_name shop.example;'),
    says: /nginx\.conf:2: it answers plain requests as well.*: add --redirect/,
  },
  {
    title: 'a key that is elsewhere cannot be named',
    certificate: { keyIsElsewhere: true },
    text: block('listen 443 ssl;', 'server_name shop.example;'),
    says: /nginx\.conf:2: the key of the certificate is elsewhere/,
  },
  {
    title: 'port 443 that belongs to stream',
    text: `stream { server { listen 443; } }\n${block('listen 80;', 'server_name shop.example;')}`,
    says: /0\.0\.0\.0:443 cannot be used for https: \/etc\/nginx\/nginx\.conf:1 listens there/,
  },
]

for (const { title, says, ...given } of refusals) {
  test(`refused: ${title}`, () => {
    assert.throws(
      () => decide(given),
      error => error instanceof AppError && says.test(error.message) && error.hint !== undefined,
    )
  })
}

const foreign = join(import.meta.dirname, '../../../../test/corpus/nginx/foreign')
for (const file of readdirSync(foreign)) {
  test(`${file}: edited without loss, and once`, () => {
    const content = readFileSync(join(foreign, file), 'utf8')
    const text = /\bhttp \{/.test(content) ? content : `http {\n${content}}\n`
    const take = () => decide({ text })
    if (file === 'stream-takes-443.conf') assert.throws(take, /listens there for something else/)
    else {
      const { edited } = take()
      assert.equal(printDirectives(parseFile({ name, text: edited }), edited), edited)
      assert.deepEqual(decide({ text: edited }).edits, [])
    }
  })
}
