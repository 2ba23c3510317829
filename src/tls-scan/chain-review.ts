/** Judging the certificates that a server sent: trust, order, name, dates, keys and signatures. Pure. */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { type Identifier, parseIpAddress } from '../acme/identifier.ts'
import { isAppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { checkChain } from '../x509/chain.ts'
import { membersOf, parseDer, readOid } from '../x509/der.ts'
import { rsaWeakness } from '../x509/weak-key.ts'
import { curveRsaBits } from './groups.ts'
import type { SentChain } from './scan-result.ts'

export const chainFindingKinds = [
  'unreadable',
  'name',
  'expired',
  'not-yet-valid',
  'self-signed',
  'untrusted',
  'incomplete',
  'sha1',
  'md5',
  'broken-key',
  'order',
  'unneeded',
  'root-sent',
] as const
/** Something about a chain that deserves a word; safe to show. */
export type ChainFinding = { readonly kind: (typeof chainFindingKinds)[number]; readonly text: string }

/** A key, and the size of an RSA key that is about as hard to break. */
export type KeyReview = { readonly kind: string; readonly bits: number; readonly rsaBits: number }

/** What was found out about one chain. */
export type ChainReview = {
  /** Absent where the leaf cannot be read. */
  readonly leaf?: {
    readonly fingerprint: string
    readonly subject: string
    readonly issuer: string
    readonly names: readonly string[]
    readonly notBefore: Instant
    readonly notAfter: Instant
    readonly key: KeyReview
    /** Such as `sha256WithRSA`, or an object identifier. */
    readonly signature: string
  }
  /** How many certificates were sent. */
  readonly sent: number
  readonly findings: readonly ChainFinding[]
  /** Where the certificate that is missing can be fetched, as the last one sent says. */
  readonly issuerUrl?: string
}

/** What a chain is judged against. */
export type ReviewOptions = {
  /** PEM of each trusted root. */
  readonly roots: readonly string[]
  /** What clients call the server; a DNS name or an address. */
  readonly name: string
  readonly at: Instant
  /** DER of certificates that the server should have sent. */
  readonly supplied?: readonly Uint8Array[]
}

/** Judges one chain. */
export function reviewChain(chain: SentChain, options: ReviewOptions): ChainReview {
  const sent = chain.map(readCertificate)
  const [leaf] = sent
  if (leaf === undefined || typeof leaf === 'string') {
    const text = `the certificate cannot be read: ${leaf ?? 'none was sent'}`
    return { sent: sent.length, findings: [{ kind: 'unreadable', text }] }
  }
  const others = sent.slice(1).filter(one => typeof one !== 'string')
  const supplied = (options.supplied ?? []).map(readCertificate).filter(one => typeof one !== 'string')
  const path = pathFrom(leaf, [...others, ...supplied])
  const trust = trustFindings(path, supplied, options)
  const issuerUrl = trust.some(({ kind }) => kind === 'untrusted') ? issuerUrlOf(path.at(-1)) : undefined
  return {
    leaf: {
      fingerprint: leaf.fingerprint,
      subject: leaf.subject,
      issuer: leaf.issuer,
      names: leaf.identifiers.map(({ value }) => printable(value)),
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
      key: reviewKey(leaf.publicKey),
      signature: signatureName(leaf),
    },
    sent: sent.length,
    findings: [
      ...sent.flatMap(one => (typeof one === 'string' ? [unreadable(one)] : [])),
      ...nameFindings(leaf, options.name),
      ...trust,
      ...path.flatMap(weaknessFindings),
      ...orderFindings(path, others),
    ],
    ...(issuerUrl !== undefined && { issuerUrl }),
  }
}

function readCertificate(der: Uint8Array): Certificate | string {
  try {
    return parseCertificate(der)
  } catch (error) {
    if (isAppError(error)) return error.message
    throw error
  }
}

function unreadable(why: string): ChainFinding {
  return { kind: 'unneeded', text: `a certificate of the chain cannot be read: ${why}` }
}

/** Longest path that is followed. */
const maxPathLength = 10

/** From the leaf upwards, each found by the name of the issuer, whatever the order. */
function pathFrom(leaf: Certificate, others: readonly Certificate[]): readonly Certificate[] {
  const path = [leaf]
  for (let last = leaf; !isSelfIssued(last) && path.length < maxPathLength; ) {
    const issuer = others.find(one => !path.includes(one) && sameBytes(one.subjectDer, last.issuerDer))
    if (issuer === undefined) break
    path.push(issuer)
    last = issuer
  }
  return path
}

function trustFindings(
  path: readonly Certificate[],
  supplied: readonly Certificate[],
  { roots, at }: ReviewOptions,
): readonly ChainFinding[] {
  const problem = checkChain(path, { roots: rootsFor(path, roots), at })
  const missing = path.filter(one => supplied.includes(one)).map(({ subject }) => `"${subject}"`)
  const incomplete: readonly ChainFinding[] =
    missing.length === 0
      ? []
      : [
          {
            kind: 'incomplete',
            text: `the server does not send ${missing.join(' and ')}, which its chain needs`,
          },
        ]
  if (problem === undefined) return incomplete
  const { kind, text, position } = problem
  const [leaf] = path
  if (kind === 'expired' || kind === 'not-yet-valid') return [{ kind, text }, ...incomplete]
  // Signatures by weak hashes are not verified; they are told by themselves.
  const unverified = kind === 'signature' || kind === 'unknown-root'
  if (unverified && signatureWeakness(path[position]) !== undefined) return incomplete
  if (kind === 'unknown-root' && path.length === 1 && leaf !== undefined && isSelfIssued(leaf))
    return [{ kind: 'self-signed', text: 'the certificate is signed by itself' }]
  return [{ kind: 'untrusted', text }, ...incomplete]
}

/** The roots that can have to do with a path: reading them all takes a while. */
function rootsFor(path: readonly Certificate[], roots: readonly string[]): readonly Certificate[] {
  const names = path.flatMap(({ issuerDer, subjectDer }) => [issuerDer, subjectDer])
  return roots.flatMap(pem => {
    const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')
    if (!names.some(name => der.includes(Buffer.from(name)))) return []
    const root = readCertificate(new Uint8Array(der))
    return typeof root === 'string' ? [] : [root]
  })
}

function nameFindings(leaf: Certificate, name: string): readonly ChainFinding[] {
  if (leaf.identifiers.some(identifier => covers(identifier, name))) return []
  const names = leaf.identifiers.map(({ value }) => printable(value))
  const shown = names.length === 0 ? 'no name at all' : names.slice(0, 5).join(', ')
  const more = names.length > 5 ? `, and ${names.length - 5} more` : ''
  return [{ kind: 'name', text: `the certificate is not for ${printable(name)}, but for ${shown}${more}` }]
}

/** Whether an identifier of a certificate stands for a name (RFC 9525 §6.3): a wildcard for exactly one label. */
function covers({ type, value }: Identifier, name: string): boolean {
  const address = parseIpAddress(name)
  if (type === 'ip' || address !== undefined) return type === 'ip' && value === address
  const wanted = name.toLowerCase().replace(/\.$/, '')
  if (!value.startsWith('*.')) return value === wanted
  const dot = wanted.indexOf('.')
  return dot > 0 && wanted.slice(dot) === value.slice(1)
}

function orderFindings(
  path: readonly Certificate[],
  others: readonly Certificate[],
): readonly ChainFinding[] {
  const places = path.slice(1).flatMap(one => (others.includes(one) ? [others.indexOf(one)] : []))
  const misplaced = places.some((place, index) => index > 0 && place < (places[index - 1] ?? 0))
  const unneeded = others.filter(one => !path.includes(one))
  const root = path.slice(1).find(isSelfIssued)
  return [
    ...(misplaced
      ? [
          {
            kind: 'order',
            text: 'the certificates are not sent in the order leaf, issuer, its issuer',
          } as const,
        ]
      : []),
    ...unneeded.map(
      ({ subject }) =>
        ({ kind: 'unneeded', text: `"${subject}" is sent and does not belong to the chain` }) as const,
    ),
    ...(root !== undefined && others.includes(root)
      ? [{ kind: 'root-sent', text: `the root "${root.subject}" is sent, which no client needs` } as const]
      : []),
  ]
}

const signatureNames: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'md2WithRSA',
  '1.2.840.113549.1.1.4': 'md5WithRSA',
  '1.2.840.113549.1.1.5': 'sha1WithRSA',
  '1.2.840.113549.1.1.10': 'RSASSA-PSS',
  '1.2.840.113549.1.1.11': 'sha256WithRSA',
  '1.2.840.113549.1.1.12': 'sha384WithRSA',
  '1.2.840.113549.1.1.13': 'sha512WithRSA',
  '1.2.840.10040.4.3': 'sha1WithDSA',
  '1.2.840.10045.4.1': 'sha1WithECDSA',
  '1.2.840.10045.4.3.2': 'sha256WithECDSA',
  '1.2.840.10045.4.3.3': 'sha384WithECDSA',
  '1.2.840.10045.4.3.4': 'sha512WithECDSA',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
}

function signatureName({ signed }: Certificate): string {
  const dotted = readOid(membersOf(parseDer(signed.algorithmDer), 'signature algorithm').take())
  return signatureNames[dotted] ?? dotted
}

function signatureWeakness(certificate: Certificate | undefined): 'sha1' | 'md5' | undefined {
  // Nobody looks at the signature that a certificate made over itself.
  if (certificate === undefined || isSelfIssued(certificate)) return undefined
  const name = signatureName(certificate)
  return name.startsWith('md') ? 'md5' : name.startsWith('sha1') ? 'sha1' : undefined
}

function weaknessFindings(certificate: Certificate): readonly ChainFinding[] {
  const kind = signatureWeakness(certificate)
  const broken = rsaWeakness(certificate.publicKey)
  const { subject } = certificate
  return [
    ...(kind === undefined
      ? []
      : [{ kind, text: `"${subject}" is signed with ${kind === 'md5' ? 'MD5' : 'SHA-1'}` }]),
    ...(broken === undefined
      ? []
      : [{ kind: 'broken-key', text: `the key of "${subject}" is broken: ${broken}` } as const]),
  ]
}

const curveBits: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 }

function reviewKey({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): KeyReview {
  const { modulusLength, namedCurve = '' } = asymmetricKeyDetails
  if (modulusLength !== undefined)
    return {
      kind: asymmetricKeyType === 'dsa' ? 'DSA' : 'RSA',
      bits: modulusLength,
      rsaBits: modulusLength,
    }
  if (asymmetricKeyType === 'ed25519') return { kind: 'Ed25519', bits: 256, rsaBits: curveRsaBits(256) }
  if (asymmetricKeyType === 'ed448') return { kind: 'Ed448', bits: 448, rsaBits: curveRsaBits(448) }
  // Other curves have their size in their names: secp224r1, brainpoolP320r1, sect163k1.
  const bits = curveBits[namedCurve] ?? Number(/\d{3}/.exec(namedCurve)?.[0] ?? 0)
  return { kind: 'ECDSA', bits, rsaBits: curveRsaBits(bits) }
}

/** Authority information access as Node writes it; only plain HTTP, as CAs have it (RFC 5280 §4.2.2.1). */
function issuerUrlOf(certificate: Certificate | undefined): string | undefined {
  if (certificate === undefined || isSelfIssued(certificate)) return undefined
  const access = new X509Certificate(certificate.der).infoAccess ?? ''
  return /^CA Issuers - URI:(http:\/\/[\x21-\x7e]+)$/m.exec(access)?.[1]
}

function isSelfIssued({ subjectDer, issuerDer }: Certificate): boolean {
  return sameBytes(subjectDer, issuerDer)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
