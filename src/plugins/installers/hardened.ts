/** The TLS settings that servers are given beside a certificate. */

/** What the settings depend on. */
export type HardeningFacts = {
  /** As the server says it: `1.22.1`. */
  readonly version: string
}

/** TLS 1.2 with forward secrecy and authenticated encryption only, by RFC 9325 §4.2; TLS 1.3 has nothing to choose. */
const ciphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** The lines of a file that server blocks or virtual hosts include. */
export function hardenedInclude(server: 'nginx' | 'apache', { version }: HardeningFacts): string {
  const head = `# TLS settings, written by "certwright install ${server}" for ${server} ${version}.\n\n`
  const lines =
    server === 'nginx'
      ? [
          'ssl_protocols TLSv1.2 TLSv1.3;',
          `ssl_ciphers ${ciphers};`,
          'ssl_prefer_server_ciphers off;',
          'ssl_session_timeout 1d;',
          'ssl_session_cache shared:certwright:10m;',
          'ssl_session_tickets off;',
        ]
      : [
          'SSLProtocol -all +TLSv1.2 +TLSv1.3',
          `SSLCipherSuite ${ciphers}`,
          'SSLHonorCipherOrder off',
          'SSLSessionTickets off',
        ]
  return `${head}${lines.join('\n')}\n`
}
