import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../../base/errors.ts'
import { applyEdits } from '../../../base/text-edit.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { InstallWishes } from '../../../contracts/installer.ts'
import { decideApacheEdits } from './decide.ts'
import { readHosts } from './hosts.ts'

const name = '/etc/apache2/apache2.conf'
const live = '/cw/live/shop'
const usual = {
  ...{ redirect: false, profile: 'intermediate', serverNames: [], webroot: '/srv/acme' },
  ...{ httpPort: 80, httpsPort: 443 },
} as const satisfies InstallWishes

type Given = {
  readonly text: string
  readonly wishes?: Partial<InstallWishes>
  readonly modules?: readonly string[]
  readonly certificate?: Partial<DeployableCertificate>
  readonly names?: readonly string[]
}

function decide({
  text,
  wishes,
  certificate,
  modules = ['ssl', 'alias', 'headers'],
  names = ['shop.example'],
}: Given) {
  const source = { name, path: name, current: text, text }
  const own = (path: string, content: string) => ({ name: path, path, current: content, text: content })
  const sources = [
    source,
    own('/own/challenge', 'Alias /.well-known/acme-challenge/ /srv/acme/.well-known/acme-challenge/\n'),
    own('/own/tls', 'SSLProtocol -all +TLSv1.3\n'),
  ]
  const facts = {
    serverRoot: '/etc/apache2',
    modules: new Set(modules.map(module => `${module}_module`)),
    defines: new Map<string, string>(),
  }
  const decision = decideApacheEdits({
    certificate: {
      name: 'shop',
      identifiers: names.map(value => ({ type: 'dns', value })),
      liveDirectory: live,
      fingerprint: '',
      ...certificate,
    },
    config: readHosts(sources, facts),
    sources: new Map(sources.map(one => [one.name, one])),
    facts,
    wishes: { ...usual, ...wishes },
    leadsTo: (path, directory) => path.startsWith(`${directory}/`),
    challengeFile: '/own/challenge',
    tlsFile: '/own/tls',
    tlsSettings: new Set(['sslprotocol', 'sslciphersuite']),
  })
  return { ...decision, edited: applyEdits(text, decision.edits) }
}

const certificateLines = `SSLCertificateFile "${live}/fullchain.pem"
  SSLCertificateKeyFile "${live}/privkey.pem"`

const cases: readonly (Given & { readonly title: string; readonly expected: string })[] = [
  {
    title: 'a virtual host for port 80 gets a copy for port 443, without what may be there once only',
    text: `Listen 80
<VirtualHost *:80>
  ServerName shop.example
  WSGIDaemonProcess shop
  # mine
</VirtualHost>
`,
    expected: `Listen 80
<VirtualHost *:80>
  # certwright: shop
  Include "/own/challenge"
  # certwright: shop, end
  ServerName shop.example
  WSGIDaemonProcess shop
  # mine
</VirtualHost>
# certwright: shop
Listen 443
<VirtualHost *:443>
  ServerName shop.example
  # mine
  SSLEngine on
  ${certificateLines}
  Include "/own/tls"
</VirtualHost>
# certwright: shop, end
`,
  },
  {
    title: 'with a redirect it becomes the one for port 443, and another one answers plain requests',
    wishes: { redirect: true, hstsSeconds: 300 },
    text: `Listen 192.0.2.1:80
<VirtualHost 192.0.2.1:80>
  ServerName shop.example
  DocumentRoot "/srv/shop"
</VirtualHost>
`,
    expected: `Listen 192.0.2.1:80
# certwright: shop
<VirtualHost 192.0.2.1:80>
  ServerName shop.example
  Include "/own/challenge"
  <LocationMatch "^/(?!\\.well-known/acme-challenge/)">
    Redirect permanent "https://%{SERVER_NAME}%{REQUEST_URI}"
  </LocationMatch>
</VirtualHost>
Listen 192.0.2.1:443
<VirtualHost 192.0.2.1:443>
  ServerName shop.example
  DocumentRoot "/srv/shop"
  # certwright: shop
  SSLEngine on
  ${certificateLines}
  Include "/own/tls"
  Header always set Strict-Transport-Security "max-age=300"
  # certwright: shop, end
</VirtualHost>
`,
  },
  {
    title: 'one for port 443 gets the certificate in place of another, whose chain goes',
    text: `Listen 443
<VirtualHost *:443>
  ServerName shop.example
  SSLEngine on
  SSLProtocol all
  SSLCertificateFile    "/old.pem"
  SSLCertificateKeyFile /old.key
  SSLCertificateChainFile /chain.pem
</VirtualHost>
`,
    expected: `Listen 443
<VirtualHost *:443>
  ServerName shop.example
  SSLEngine on
  SSLProtocol all
  SSLCertificateFile    "${live}/fullchain.pem"
  SSLCertificateKeyFile "${live}/privkey.pem"
</VirtualHost>
`,
  },
  {
    title: 'where one answers https, the other only sends on',
    wishes: { redirect: true },
    text: `Listen 443
<VirtualHost *:80>
  ServerName shop.example
</VirtualHost>
<VirtualHost *:443>
  ServerName shop.example
  SSLEngine on
  SSLProtocol all
  SSLCertificateFile "${live}/fullchain.pem"
  SSLCertificateKeyFile "${live}/privkey.pem"
</VirtualHost>
`,
    expected: `Listen 443
<VirtualHost *:80>
  # certwright: shop
  Include "/own/challenge"
  <LocationMatch "^/(?!\\.well-known/acme-challenge/)">
    Redirect permanent "https://%{SERVER_NAME}%{REQUEST_URI}"
  </LocationMatch>
  # certwright: shop, end
  ServerName shop.example
</VirtualHost>
<VirtualHost *:443>
  ServerName shop.example
  SSLEngine on
  SSLProtocol all
  SSLCertificateFile "${live}/fullchain.pem"
  SSLCertificateKeyFile "${live}/privkey.pem"
</VirtualHost>
`,
  },
]

for (const { title, expected, ...given } of cases) {
  test(title, () => {
    const { edited } = decide(given)
    assert.equal(edited, expected)
    assert.deepEqual(decide({ ...given, text: edited }).edits, [], 'a second time there is nothing to do')
  })
}

const plain = '<VirtualHost *:80>\nServerName shop.example\n</VirtualHost>\n'
const refusals: readonly (Given & {
  readonly title: string
  readonly says: RegExp
  readonly hint: RegExp
})[] = [
  {
    title: 'HSTS without mod_headers',
    text: plain,
    wishes: { hstsSeconds: 300 },
    modules: ['ssl', 'alias'],
    says: /without mod_headers$/,
    hint: /^a2enmod headers && systemctl restart apache2/,
  },
  {
    title: 'a key that is elsewhere',
    text: plain,
    certificate: { keyIsElsewhere: true },
    says: /apache2\.conf:1: the key of the certificate is elsewhere/,
    hint: /nothing was changed/,
  },
]

for (const { title, says, hint, ...given } of refusals) {
  test(`refused: ${title}`, () => {
    assert.throws(
      () => decide(given),
      error => error instanceof AppError && says.test(error.message) && hint.test(error.hint ?? ''),
    )
  })
}
