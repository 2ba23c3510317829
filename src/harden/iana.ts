/** Names of cipher suites as IANA has them, for servers that are not written around OpenSSL. */

/** The name of a cipher suite up to TLS 1.2, from that of OpenSSL: those of our profiles, and nothing else. */
export function ianaName(openssl: string): string {
  const [, exchange = 'RSA', bits, rest = ''] =
    /^(?:((?:ECDHE|DHE)-(?:ECDSA|RSA))-)?(?:AES(128|256)-)?(.+)$/.exec(openssl) ?? []
  const key = exchange.replace('-', '_')
  if (rest === 'CHACHA20-POLY1305') return `TLS_${key}_WITH_CHACHA20_POLY1305_SHA256`
  if (rest === 'DES-CBC3-SHA') return `TLS_${key}_WITH_3DES_EDE_CBC_SHA`
  // OpenSSL does not say CBC.
  const mode = rest.startsWith('GCM-') ? rest.replace('-', '_') : `CBC_${rest}`
  return `TLS_${key}_WITH_AES_${bits}_${mode}`
}
