/** TLS settings of RabbitMQ, whose TLS is Erlang's with the ciphers of OpenSSL. */
import type { HardenedServer } from '../server.ts'

export const rabbitmq: HardenedServer = {
  name: 'rabbitmq',
  title: 'RabbitMQ',
  file: '/etc/rabbitmq/conf.d/99-tls.conf',
  apply: 'systemctl restart rabbitmq-server',
  oldest: { version: [3, 8, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['rabbitmqctl'],
    args: ['version'],
    version: /^(\d[\d.]*)$/m,
    linked: ['/usr/lib/erlang/lib/*/priv/lib/crypto.so', '/usr/lib64/erlang/lib/*/priv/lib/crypto.so'],
  },
  comment: '#',
  blocks: ({ tls, reasons }) => [
    {
      place: 'in rabbitmq.conf or a file in conf.d; the same with "management.ssl." for the web interface',
      settings: [
        {
          text: tls.protocols
            .toReversed()
            .map((protocol, index) => `ssl_options.versions.${index + 1} = ${protocol.toLowerCase()}`)
            .join('\n'),
          ...reasons.protocols,
        },
        {
          text: [...tls.suites, ...tls.ciphers]
            .map((suite, index) => `ssl_options.ciphers.${index + 1} = ${suite}`)
            .join('\n'),
          ...(tls.ciphers.length === 0 ? reasons.suites : reasons.ciphers),
        },
        { text: `ssl_options.honor_cipher_order = ${tls.serverOrder}`, ...reasons.order },
      ],
    },
  ],
}
