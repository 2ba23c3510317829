/** What to change for a better grade, in the words of the server at hand. Pure. */
import type { RuleName } from './rate.ts'

/** Servers whose settings we name. */
type Known = 'nginx' | 'apache'
type Advice = { readonly general: string } & Partial<Readonly<Record<Known, string>>>

const protocols: Advice = {
  general: 'allow TLS 1.2 and TLS 1.3 only',
  nginx: 'ssl_protocols TLSv1.2 TLSv1.3;',
  apache: 'SSLProtocol -all +TLSv1.2 +TLSv1.3',
}
const ciphers: Advice = {
  general: 'allow only ECDHE with AES-GCM or ChaCha20-Poly1305 in TLS 1.2',
  nginx:
    'ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;',
  apache:
    'SSLCipherSuite ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
}
const update: Advice = { general: 'update the TLS library of the server, which is far too old' }
const newKey: Advice = {
  general: 'make a certificate with a new key: ECDSA P-256, or RSA with 2048 bits',
}

const advice: Readonly<Record<RuleName, Advice>> = {
  untrusted: {
    general:
      'serve a certificate of a CA that clients trust, with its whole chain; for a CA of your own, give its root by --trust',
  },
  name: {
    general: 'serve a certificate for this name, or give the name that clients use: --server-name NAME',
    nginx:
      'see which server block answers: server_name must have this name, and its ssl_certificate must be for it',
    apache: 'see which virtual host answers: ServerName or ServerAlias must have this name (apachectl -S)',
  },
  ssl2: protocols,
  ssl3: protocols,
  tls10: protocols,
  tls11: protocols,
  'no-tls12': protocols,
  'no-tls13': {
    general: 'allow TLS 1.3; it needs OpenSSL 1.1.1 or newer',
    nginx: 'ssl_protocols TLSv1.2 TLSv1.3; (needs OpenSSL 1.1.1 or newer)',
    apache: 'SSLProtocol -all +TLSv1.2 +TLSv1.3 (needs OpenSSL 1.1.1 or newer)',
  },
  null: ciphers,
  anonymous: ciphers,
  export: ciphers,
  'weak-cipher': ciphers,
  rc4: ciphers,
  'small-blocks': ciphers,
  'no-forward-secrecy': ciphers,
  'no-aead': ciphers,
  'weak-dh': {
    general: 'leave out DHE suites, or use the prime ffdhe2048 (RFC 7919)',
    nginx: 'remove ssl_dhparam, and the DHE suites from ssl_ciphers',
    apache: 'remove the DHE suites from SSLCipherSuite, and a prime of your own from the certificate file',
  },
  'weak-key': newKey,
  'broken-key': newKey,
  md5: newKey,
  chain: {
    general: 'serve fullchain.pem instead of the certificate alone',
    nginx: 'ssl_certificate must name fullchain.pem, not cert.pem',
    apache: 'SSLCertificateFile must name fullchain.pem, not cert.pem',
  },
  compression: { ...update, apache: 'SSLCompression off' },
  renegotiation: update,
  hsts: {
    general:
      'send the header Strict-Transport-Security: max-age=63072000; begin with max-age=300 and raise it while all goes well',
    nginx:
      'add_header Strict-Transport-Security "max-age=63072000" always; begin with max-age=300 and raise it while all goes well',
    apache:
      'Header always set Strict-Transport-Security "max-age=63072000"; begin with max-age=300 and raise it while all goes well',
  },
}

/**
 * What to do about a rule.
 * @param server - the Server header, if there was one
 */
export function adviceFor(rule: RuleName, server: string | undefined): string {
  const found = advice[rule]
  const known = knownServer(server)
  const setting = known === undefined ? undefined : found[known]
  return setting === undefined ? found.general : `${known}: ${setting}`
}

/** Rules that the settings of `tls snippet` keep. */
const byOthers: ReadonlySet<RuleName> = new Set([
  'untrusted',
  'name',
  'weak-key',
  'broken-key',
  'md5',
  'chain',
])

/** The command that prints settings which mend all of these rules, where one does. */
export function snippetFor(rules: readonly RuleName[], server: string | undefined): string | undefined {
  const mended = rules.filter(rule => !byOthers.has(rule))
  const known = knownServer(server)
  if (mended.length === 0) return undefined
  return `certwright tls snippet ${known === undefined ? 'SERVER, such as postfix or dovecot' : `${known} --hsts 5m`}`
}

function knownServer(server = ''): Known | undefined {
  if (/^(nginx|openresty|angie)\b/i.test(server)) return 'nginx'
  return /^Apache\b/i.test(server) ? 'apache' : undefined
}
