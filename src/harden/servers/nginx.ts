/** TLS settings of nginx. */
import { hstsReason, hstsValue } from '../hsts.ts'
import type { HardenedServer } from '../server.ts'
import { when } from '../setting.ts'
import { atLeast } from '../version.ts'

/** From nginx 1.23.2 on the keys of session tickets in a shared cache are changed by themselves. */
const rotatesTicketKeys = '1.23.2'

export const nginx: HardenedServer = {
  name: 'nginx',
  title: 'nginx',
  file: '/etc/nginx/snippets/tls.conf',
  apply: 'nginx -t && nginx -s reload',
  oldest: { version: [1, 18, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  tls13Since: '1.13.0',
  question: {
    programs: ['nginx', 'openresty', 'angie'],
    args: ['-V'],
    version: /version: \S+?\/(\d[\d.]*)/,
    openssl: /(?:built|running) with OpenSSL (\d[\d.]*)/g,
  },
  web: true,
  dhe: true,
  comment: '#',
  blocks: ({ version, tls, reasons, hsts, staple, dhFile }) => [
    {
      place:
        'in every server { } that serves https (the first one for an address decides about the protocols of all), or once in http { } where none of these directives stands yet',
      settings: [
        { text: `ssl_protocols ${tls.protocols.join(' ')};`, ...reasons.protocols },
        ...when(tls.cipherList !== undefined, {
          text: `ssl_ciphers ${tls.cipherList};`,
          ...reasons.ciphers,
        }),
        { text: `ssl_ecdh_curve ${tls.groups.join(':')};`, ...reasons.groups },
        { text: `ssl_prefer_server_ciphers ${tls.serverOrder ? 'on' : 'off'};`, ...reasons.order },
        { text: 'ssl_session_timeout 1d;', ...reasons.cache },
        {
          // Every size of a zone must be the same in the whole configuration, so it has a name of its own.
          text: 'ssl_session_cache shared:certwright:10m;',
          why: 'One cache for all workers, some 40,000 sessions, in a zone of its own name.',
        },
        ...when(!atLeast(version, rotatesTicketKeys), {
          text: 'ssl_session_tickets off;',
          ...reasons.tickets,
        }),
        ...(dhFile === undefined ? [] : [{ text: `ssl_dhparam ${dhFile};`, ...reasons.dhe }]),
        // Not ssl_stapling_verify: it needs the chain in a further file, and browsers check the proof in any case.
        ...when(staple, {
          text: 'ssl_stapling on;',
          why: reasons.stapling.why,
          cost: `${reasons.stapling.cost ?? ''} nginx finds a responder by name only with a "resolver" directive, which depends on your network.`,
        }),
        ...(hsts === undefined
          ? []
          : [
              {
                text: `add_header Strict-Transport-Security "${hstsValue(hsts)}" always;`,
                why: `${hstsReason(hsts).why} A location with an add_header of its own needs this line again.`,
                cost: hstsReason(hsts).cost,
              },
            ]),
      ],
    },
  ],
}
