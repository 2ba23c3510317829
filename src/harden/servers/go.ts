/** TLS settings of Caddy and Traefik, which use the TLS of Go: its groups are those of the guideline, so they are left alone. */
import type { FittedTls } from '../fitted.ts'
import { hstsReason, hstsSteps, hstsValue } from '../hsts.ts'
import { ianaName } from '../iana.ts'
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'

/** A configuration that names any other is refused. */
const unknownToGo = /_256_CBC_SHA384$|^TLS_RSA_WITH_AES_256_CBC_SHA256$/

export const caddy: HardenedServer = {
  name: 'caddy',
  title: 'Caddy',
  file: '/etc/caddy/Caddyfile',
  added: true,
  apply: 'caddy validate --config /etc/caddy/Caddyfile && systemctl reload caddy',
  oldest: { version: [2, 5, 0], library: { kind: 'go', version: [] } },
  question: { programs: ['caddy'], args: ['version'], version: /^v(\d[\d.]*)/m },
  web: true,
  comment: '#',
  blocks: ({ tls, reasons, hsts }) => [
    {
      place:
        'in every site that serves https; with a "tls" that is already there, what is in the braces goes there',
      open: 'tls {',
      close: '}',
      settings: [
        {
          // 1.2 is the lowest that it knows.
          text: `protocols ${tls.lowest === 'TLSv1.3' ? 'tls1.3' : 'tls1.2'} tls1.3`,
          ...reasons.protocols,
        },
        ...when(tls.ciphers.length > 0, { text: `ciphers ${goCiphers(tls).join(' ')}`, ...reasons.ciphers }),
      ],
    },
    ...(hsts === undefined
      ? []
      : [
          {
            place: 'the same',
            settings: [
              { text: `header Strict-Transport-Security "${hstsValue(hsts)}"`, ...hstsReason(hsts) },
            ],
          },
        ]),
  ],
}

export const traefik: HardenedServer = {
  name: 'traefik',
  title: 'Traefik',
  file: '/etc/traefik/dynamic/tls.yaml',
  apply: 'look into its log: it reads the file by itself',
  oldest: { version: [2, 10, 0], library: { kind: 'go', version: [] } },
  question: { programs: ['traefik'], args: ['version'], version: /^Version:\s+(\d[\d.]*)/m },
  web: true,
  comment: '#',
  blocks: ({ tls, reasons, hsts }) => [
    {
      place: 'in the dynamic configuration',
      open: 'tls:\n  options:\n    default:',
      indent: '      ',
      settings: [
        {
          text: `minVersion: VersionTLS1${tls.lowest.slice('TLSv1.'.length) || '0'}`,
          ...reasons.protocols,
        },
        ...when(tls.ciphers.length > 0, {
          text: ['cipherSuites:', ...goCiphers(tls).map(name => `  - ${name}`)].join('\n'),
          ...reasons.ciphers,
        }),
      ],
    },
    ...(hsts === undefined
      ? []
      : [
          {
            place: 'the same; name the middleware hsts@file in every router or at the entry point',
            open: 'http:\n  middlewares:\n    hsts:\n      headers:',
            indent: '        ',
            settings: [{ text: `stsSeconds: ${hstsSteps[hsts].seconds}`, ...hstsReason(hsts) }],
          },
        ]),
  ],
}

function goCiphers({ ciphers }: FittedTls): readonly string[] {
  return ciphers.map(ianaName).filter(name => !unknownToGo.test(name))
}
