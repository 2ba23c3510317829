/** Servers to be graded, good, old and broken: what each is told to do, and the grade that it gets for that. */
import type { Grade } from '../../src/tls-scan/grades.ts'
import type { CertificateName } from '../support/tls-certificates.ts'

/** One listening port of a real server. */
export type TlsConfiguration = {
  readonly name: string
  readonly server: 'nginx' | 'apache' | 'haproxy' | 'lighttpd' | 'openssl' | 'slapd' | 'node'
  readonly certificates: readonly CertificateName[]
  /** In the words of the server; `%dh2048` and `%dh1024` stand for files with primes. */
  readonly settings: readonly string[]
  /** Lines in the frontend of HAProxy, whose settings stand behind `bind`. */
  readonly front?: readonly string[]
  /** Value of Strict-Transport-Security. */
  readonly hsts?: string
  readonly grade: Grade
  /** Whether testssl looks at it live in every run, by OpenSSL alone, which does nothing old or weak. */
  readonly live?: true
}

const twoYears = 'max-age=63072000'
const good12 =
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305'
const today = ['ssl_protocols TLSv1.2 TLSv1.3;', `ssl_ciphers ${good12};`]

type Nginx = Omit<TlsConfiguration, 'server' | 'name' | 'certificates'> & {
  readonly certificates?: readonly CertificateName[]
}
const nginx = (name: string, { certificates = ['rsa'], ...rest }: Nginx): TlsConfiguration => ({
  name: `nginx, ${name}`,
  server: 'nginx',
  certificates,
  ...rest,
})
const good = { settings: today, hsts: twoYears } as const

/** All of them; names do not change, because what testssl said is kept by name. */
export const tlsConfigurations: readonly TlsConfiguration[] = [
  nginx('TLS 1.2 and 1.3', { ...good, grade: 'A+', live: true }),
  nginx('TLS 1.3 alone', {
    settings: ['ssl_protocols TLSv1.3;'],
    hsts: twoYears,
    grade: 'A+',
    live: true,
  }),
  nginx('no HSTS', { settings: today, grade: 'A' }),
  nginx('HSTS for five minutes', { settings: today, hsts: 'max-age=300', grade: 'A' }),
  nginx('HSTS for everything below, and preload', {
    settings: today,
    hsts: `${twoYears}; includeSubDomains; preload`,
    grade: 'A+',
  }),
  nginx('TLS 1.2 alone', {
    settings: ['ssl_protocols TLSv1.2;', `ssl_ciphers ${good12};`],
    hsts: twoYears,
    grade: 'A-',
  }),
  nginx('TLS 1.0 to 1.3', {
    settings: ['ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;', 'ssl_ciphers HIGH:!aNULL:@SECLEVEL=0;'],
    hsts: twoYears,
    grade: 'B',
  }),
  nginx('TLS 1.1 and 1.2', {
    settings: ['ssl_protocols TLSv1.1 TLSv1.2;', 'ssl_ciphers ECDHE+AES:!aNULL:@SECLEVEL=0;'],
    hsts: twoYears,
    grade: 'B',
  }),
  nginx('TLS 1.0 alone', {
    settings: ['ssl_protocols TLSv1;', 'ssl_ciphers ECDHE+AES:AES:!aNULL:@SECLEVEL=0;'],
    grade: 'C',
  }),
  nginx('TLS 1.1 alone', {
    settings: ['ssl_protocols TLSv1.1;', 'ssl_ciphers AES:!aNULL:@SECLEVEL=0;'],
    grade: 'C',
  }),
  nginx('block ciphers in TLS 1.2', {
    settings: [
      'ssl_protocols TLSv1.2 TLSv1.3;',
      'ssl_ciphers ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384;',
    ],
    hsts: twoYears,
    grade: 'B',
  }),
  nginx('no forward secrecy in TLS 1.2', {
    settings: ['ssl_protocols TLSv1.2 TLSv1.3;', 'ssl_ciphers AES128-GCM-SHA256:AES256-GCM-SHA384;'],
    hsts: twoYears,
    grade: 'B',
  }),
  nginx('no forward secrecy preferred by the server', {
    settings: [
      'ssl_protocols TLSv1.2 TLSv1.3;',
      'ssl_ciphers AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;',
      'ssl_prefer_server_ciphers on;',
    ],
    hsts: twoYears,
    grade: 'B',
  }),
  nginx('an order of its own', {
    settings: [...today, 'ssl_prefer_server_ciphers on;', 'ssl_session_tickets off;'],
    hsts: twoYears,
    grade: 'A+',
  }),
  nginx('DHE with 2048 bits', {
    settings: [
      'ssl_protocols TLSv1.2 TLSv1.3;',
      'ssl_ciphers DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384;',
      'ssl_dhparam %dh2048;',
    ],
    hsts: twoYears,
    grade: 'A+',
  }),
  nginx('DHE with 1024 bits', {
    settings: [
      'ssl_protocols TLSv1.2 TLSv1.3;',
      'ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0;',
      'ssl_dhparam %dh1024;',
    ],
    hsts: twoYears,
    grade: 'B',
  }),
  nginx('everything that OpenSSL has', {
    settings: ['ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;', 'ssl_ciphers ALL:@SECLEVEL=0;'],
    hsts: twoYears,
    grade: 'F',
  }),
  nginx('anonymous suites', {
    settings: ['ssl_protocols TLSv1.2;', 'ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:aNULL:@SECLEVEL=0;'],
    grade: 'F',
  }),
  nginx('ECDSA', { ...good, certificates: ['ecdsa'], grade: 'A+', live: true }),
  nginx('RSA and ECDSA', { ...good, certificates: ['rsa', 'ecdsa'], grade: 'A+' }),
  nginx('P-384 alone', {
    settings: [...today, 'ssl_ecdh_curve secp384r1;'],
    hsts: twoYears,
    certificates: ['p384'],
    grade: 'A+',
  }),
  nginx('P-256 alone', { settings: [...today, 'ssl_ecdh_curve prime256v1;'], hsts: twoYears, grade: 'A+' }),
  nginx('ChaCha20 alone', {
    settings: ['ssl_protocols TLSv1.2;', 'ssl_ciphers ECDHE-RSA-CHACHA20-POLY1305;'],
    hsts: twoYears,
    grade: 'A-',
  }),
  nginx('Camellia and ARIA', {
    settings: ['ssl_protocols TLSv1.2 TLSv1.3;', 'ssl_ciphers ECDHE+CAMELLIA:ECDHE+ARIAGCM:ARIAGCM:AESCCM;'],
    hsts: twoYears,
    grade: 'A+',
  }),
  nginx('self-signed', { ...good, certificates: ['self-signed'], grade: 'T', live: true }),
  nginx('expired', { ...good, certificates: ['expired'], grade: 'T' }),
  nginx('for another name', { ...good, certificates: ['other-name'], grade: 'M', live: true }),
  nginx('an unknown root', { ...good, certificates: ['unknown-root'], grade: 'T' }),
  nginx('an issuer that is not sent, and can be fetched', {
    ...good,
    certificates: ['incomplete'],
    grade: 'B',
  }),
  nginx('an issuer that is not sent, and cannot be found', { ...good, certificates: ['lost'], grade: 'T' }),
  nginx('the root sent too', { ...good, certificates: ['with-root'], grade: 'A+' }),
  nginx('certificates in the wrong order', { ...good, certificates: ['wrong-order'], grade: 'A+' }),
  nginx('RSA with 1024 bits', { ...good, certificates: ['rsa-1024'], grade: 'B' }),
  nginx('signed with SHA-1', { ...good, certificates: ['sha1'], grade: 'T' }),
  {
    name: 'Apache, TLS 1.2 and 1.3',
    server: 'apache',
    certificates: ['rsa'],
    settings: ['SSLProtocol -all +TLSv1.2 +TLSv1.3', `SSLCipherSuite ${good12}`],
    hsts: twoYears,
    grade: 'A+',
    live: true,
  },
  {
    name: 'Apache, as in the year 2010',
    server: 'apache',
    certificates: ['rsa'],
    settings: ['SSLProtocol all', 'SSLCipherSuite HIGH:MEDIUM:!aNULL:@SECLEVEL=0', 'SSLHonorCipherOrder on'],
    grade: 'B',
  },
  {
    name: 'HAProxy, TLS 1.2 and 1.3',
    server: 'haproxy',
    certificates: ['ecdsa'],
    settings: ['ssl-min-ver TLSv1.2', `ciphers ${good12}`, 'no-tls-tickets'],
    hsts: twoYears,
    grade: 'A+',
  },
  {
    name: 'HAProxy, old clients first',
    server: 'haproxy',
    certificates: ['rsa'],
    settings: ['ssl-min-ver TLSv1.0', 'ssl-max-ver TLSv1.2', 'ciphers AES128-SHA:AES256-SHA:@SECLEVEL=0'],
    grade: 'B',
  },
  {
    name: 'lighttpd, as it comes',
    server: 'lighttpd',
    certificates: ['rsa'],
    settings: [],
    hsts: twoYears,
    grade: 'A+',
  },
  {
    name: 'OpenSSL, nothing encrypted',
    server: 'openssl',
    certificates: ['rsa'],
    settings: ['-tls1_2', '-cipher', 'eNULL:AES128-SHA:@SECLEVEL=0'],
    grade: 'F',
  },
  {
    name: 'OpenSSL, TLS 1.3 with AES-256 alone',
    server: 'openssl',
    certificates: ['ecdsa'],
    settings: ['-tls1_3', '-ciphersuites', 'TLS_AES_256_GCM_SHA384', '-groups', 'X448:P-521'],
    grade: 'A',
  },
  {
    name: 'slapd with GnuTLS, RC4 and triple DES',
    server: 'slapd',
    certificates: ['rsa'],
    settings: ['NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+ARCFOUR-128:+3DES-CBC:%COMPAT'],
    grade: 'C',
  },
  {
    name: 'Node, with a post-quantum group',
    server: 'node',
    certificates: ['ecdsa'],
    settings: ['X25519MLKEM768:X25519'],
    hsts: twoYears,
    grade: 'A+',
  },
]
