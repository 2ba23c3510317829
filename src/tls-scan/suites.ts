/** What a cipher suite is made of, told by its name. Pure. */
import { suiteNames } from './suite-names.ts'

/** A cipher suite of SSL 3 to TLS 1.3. */
export type CipherSuite = {
  readonly id: number
  /** As IANA writes it: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`. */
  readonly name: string
  readonly keyExchange: 'rsa' | 'dh' | 'dhe' | 'ecdh' | 'ecdhe' | 'tls13' | 'other'
  /** Nobody proves who the server is. */
  readonly anonymous: boolean
  readonly preShared: boolean
  readonly forwardSecret: boolean
  readonly aead: boolean
  /** Of the cipher; what an attacker has to try (112 for triple DES). */
  readonly bits: number
  readonly cipher: 'null' | 'export' | 'des' | 'rc2' | 'rc4' | 'idea' | '3des' | 'good'
  readonly md5: boolean
}

/** Suites that are no cipher: signals inside a ClientHello. */
export const renegotiationScsv = 0x00ff // RFC 5746 §3.3
export const fallbackScsv = 0x5600 // RFC 7507 §2

const suites: ReadonlyMap<number, CipherSuite> = new Map(
  Object.entries(suiteNames).map(([key, name]) => {
    const id = Number(key)
    return [id, describe(id, name)]
  }),
)

/** A suite by its number; `undefined` for one that nobody registered. */
export function suiteOf(id: number): CipherSuite | undefined {
  return suites.get(id)
}

/** Every suite that TLS 1.3 can be asked for. */
export const tls13Suites: readonly number[] = [...suites.values()]
  .filter(({ keyExchange }) => keyExchange === 'tls13')
  .map(({ id }) => id)

/** Every suite that SSL 3 to TLS 1.2 can be asked for, in the order in which a good client would like them. */
export const olderSuites: readonly number[] = [...suites.values()]
  .filter(({ keyExchange, name }) => keyExchange !== 'tls13' && name !== 'TLS_NULL_WITH_NULL_NULL')
  .toSorted((a, b) => merit(b) - merit(a))
  .map(({ id }) => id)

function merit({ forwardSecret, anonymous, aead, cipher, bits, preShared }: CipherSuite): number {
  if (anonymous || preShared || cipher !== 'good') return bits - 1_000
  return (forwardSecret ? 2_000 : 0) + (aead ? 1_000 : 0) + bits
}

function describe(id: number, name: string): CipherSuite {
  const [method = '', cipherName] = name.replace(/^(TLS|SSL)_/, '').split('_WITH_')
  if (cipherName === undefined) {
    const integrityOnly = method.startsWith('SHA')
    return {
      id,
      name,
      keyExchange: 'tls13',
      anonymous: false,
      preShared: false,
      forwardSecret: true,
      aead: !integrityOnly,
      bits: integrityOnly ? 0 : /256|CHACHA20/.test(method.replace(/_SHA256$/, '')) ? 256 : 128,
      cipher: integrityOnly ? 'null' : 'good',
      md5: false,
    }
  }
  const anonymous = method.includes('anon') || method === 'NULL'
  const cipher = cipherKind(method, cipherName)
  return {
    id,
    name,
    keyExchange: keyExchangeKind(method),
    anonymous,
    preShared: /PSK|SRP|KRB5|ECCPWD/.test(method),
    forwardSecret:
      /^(ECDHE|DHE|PSK_DHE|CECPQ1|ECCPWD|SRP)/.test(method) && cipher !== 'export' && cipher !== 'null',
    aead: /GCM|CCM|POLY1305|OMAC/.test(cipherName),
    bits: cipherBits(cipher, cipherName),
    cipher,
    md5: cipherName.endsWith('MD5'),
  }
}

function keyExchangeKind(method: string): CipherSuite['keyExchange'] {
  if (/^(ECDHE|CECPQ1|ECDH_anon)/.test(method)) return 'ecdhe'
  if (/^(DHE|PSK_DHE|DH_anon)/.test(method)) return 'dhe'
  if (method.startsWith('ECDH')) return 'ecdh'
  if (method.startsWith('DH')) return 'dh'
  return /^RSA(_|$)/.test(method) && !method.includes('PSK') ? 'rsa' : 'other'
}

function cipherKind(method: string, name: string): CipherSuite['cipher'] {
  if (name.startsWith('NULL')) return 'null'
  if (method.includes('EXPORT') || /_40|DES40|_56/.test(name)) return 'export'
  if (name.startsWith('DES')) return 'des'
  if (name.startsWith('RC2')) return 'rc2'
  if (name.startsWith('RC4')) return 'rc4'
  if (name.startsWith('IDEA')) return 'idea'
  return name.startsWith('3DES') ? '3des' : 'good'
}

function cipherBits(kind: CipherSuite['cipher'], name: string): number {
  if (kind === 'null') return 0
  if (kind === 'export') return /56|^DES_CBC/.test(name) && !name.includes('40') ? 56 : 40
  if (kind === 'des') return 56
  if (kind === '3des') return 112
  return /256|CHACHA20|28147|KUZNYECHIK|MAGMA/.test(name.replace(/_SHA256$/, '')) ? 256 : 128
}
