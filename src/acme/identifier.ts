/** Identifiers: what a certificate is for (RFC 8555 §9.7.7, RFC 8738). */
import { domainToASCII } from 'node:url'
import { AppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import { v } from '../base/schema.ts'

export const identifierTypes = ['dns', 'ip'] as const
export type IdentifierType = (typeof identifierTypes)[number]

/**
 * `dns`: lower-case A-labels without final dot, `*.` only as the first label.
 * `ip`: dotted quad, or RFC 5952 text.
 */
export type Identifier = { readonly type: IdentifierType; readonly value: string }

const ldhLabel = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/
const maxNameLength = 253 // RFC 1035 §2.3.4 without the root label
const digitsAndDots = /^[\d.]+$/

/**
 * An identifier from what a person writes: a name (Unicode or A-labels, a wildcard, a final dot allowed) or an IP
 * address (IPv6 also in brackets).
 * @throws AppError ERR_IDENTIFIER that says what is wrong with it and what to write instead
 */
export function parseIdentifier(text: string): Identifier {
  const given = text.trim()
  const shown = `"${printable(text, 80)}"`
  const bad = (what: string, hint = 'write it as people type it into a browser: www.example.com') =>
    new AppError('ERR_IDENTIFIER', `${shown} ${what}`, { hint })

  if (given === '') throw bad('is empty, where a name such as www.example.com is needed')
  if (given.includes('://')) throw bad('is a URL', 'give the host name alone')
  if (given.includes('@')) throw bad('is a mail address', 'give the host name alone')
  const address = parseIpAddress(given.replace(/^\[(.*)\]$/, '$1'))
  if (address !== undefined) return { type: 'ip', value: address }
  if (digitsAndDots.test(given))
    throw bad('is neither an IPv4 address nor a name', 'an address has four numbers up to 255: 192.0.2.1')
  if (given.includes('/'))
    throw bad('contains a slash', 'give the host name alone, without path or prefix length')
  if (/^[^:[\]]+:\d+$/.test(given))
    throw bad('contains a port', 'give the host name alone; the CA always connects to port 80')
  if (given.includes(':'))
    throw bad(
      'contains a colon and is no IPv6 address',
      'write an address like 2001:db8::1, without zone and port',
    )
  if (/\s/.test(given)) throw bad('contains white space', 'separate names by spaces outside the quotes')

  const wildcard = given.startsWith('*.')
  const base = (wildcard ? given.slice(2) : given).replace(/\.$/, '')
  if (base.includes('*'))
    throw bad('has a * that is not the whole first label', 'a wildcard is written *.example.com')
  if (base === '') throw bad('names the root zone')
  // domainToASCII would decode percent signs and drop some characters, so plain ASCII does not pass through it.
  // oxlint-disable-next-line no-control-regex -- exactly ASCII
  const name = /^[\u0000-\u007f]*$/.test(base) ? base.toLowerCase() : domainToASCII(base)
  if (name === '') throw bad('is not a valid internationalised name')
  if (name.length > maxNameLength) throw bad(`is longer than ${maxNameLength} characters`)
  const labels = name.split('.')
  if (labels.includes('')) throw bad('has an empty label (two dots in a row, or a leading dot)')
  const long = labels.find(label => label.length > 63)
  if (long !== undefined) throw bad(`has a label of ${long.length} characters; 63 are allowed`)
  const wrong = labels.find(label => !ldhLabel.test(label))
  if (wrong?.includes('_'))
    throw bad('contains an underscore, which no CA certifies', 'give the server a name without one')
  if (wrong !== undefined)
    throw bad(`has the label "${printable(wrong, 63)}"; only letters, digits and inner hyphens are allowed`)
  if (labels.length < 2)
    throw bad('has only one label', 'a public CA needs a full name such as www.example.com')
  if (/^\d+$/.test(labels.at(-1) ?? ''))
    throw bad(
      'ends in a numeric label, so it is neither a name nor an address',
      'write an address as it is, without * and final dot',
    )
  return { type: 'dns', value: wildcard ? `*.${name}` : name }
}

/** Canonical text of an IPv4 or IPv6 address (RFC 5952), or `undefined` where `text` is none. Zone ids are refused. */
export function parseIpAddress(text: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const octets = text.split('.')
    return octets.every(octet => Number(octet) < 256 && String(Number(octet)) === octet) ? text : undefined
  }
  if (!text.includes(':') || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined
  if (!URL.canParse(`http://[${text}]/`)) return undefined
  return new URL(`http://[${text}]/`).hostname.slice(1, -1) // the URL parser writes RFC 5952 text
}

/** The 4 or 16 octets of an address in canonical text. */
export function ipAddressBytes(address: string): Uint8Array {
  if (!address.includes(':')) return Uint8Array.from(address.split('.'), Number)
  const [head = '', tail] = address.split('::')
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map(group => Number.parseInt(group, 16))
  const front = groups(head)
  const back = tail === undefined ? [] : groups(tail)
  const middle = Array.from({ length: 8 - front.length - back.length }, () => 0)
  return Uint8Array.from([...front, ...middle, ...back].flatMap(group => [group >> 8, group & 255]))
}

/** Canonical text of an address from its 4 or 16 octets; `undefined` for any other length. */
export function ipAddressText(octets: Uint8Array): string | undefined {
  if (octets.length === 4) return octets.join('.')
  if (octets.length !== 16) return undefined
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((octets[2 * i] ?? 0) << 8) | (octets[2 * i + 1] ?? 0)).toString(16),
  )
  return parseIpAddress(groups.join(':'))
}

/** Whether the identifier is a wildcard name. */
export function isWildcard({ type, value }: Identifier): boolean {
  return type === 'dns' && value.startsWith('*.')
}

/**
 * Whether a certificate with these names is good for a host: by name, by wildcard for one whole label (RFC 9525 §6.3), or
 * by address.
 * @param host - as a client asks for it, an IPv6 address without brackets
 */
export function coversHost(identifiers: readonly Identifier[], host: string): boolean {
  const address = parseIpAddress(host)
  if (address !== undefined) return identifiers.some(({ type, value }) => type === 'ip' && value === address)
  const name = host.toLowerCase().replace(/\.$/, '')
  const names = [name, name.replace(/^[^.]+/, '*')]
  return identifiers.some(({ type, value }) => type === 'dns' && names.includes(value.toLowerCase()))
}

/** A text that is equal for equal identifiers and differs for different ones. */
export function identifierKey({ type, value }: Identifier): string {
  return `${type}:${value}`
}

/** The same identifier as we write it: a CA may give an address or a name back in another form. */
export function canonicalIdentifier({ type, value }: Identifier): Identifier {
  return { type, value: type === 'ip' ? (parseIpAddress(value) ?? value) : value.toLowerCase() }
}

/** Whether two lists name the same set, in any order. */
export function sameIdentifiers(a: readonly Identifier[], b: readonly Identifier[]): boolean {
  const left = new Set(a.map(identifierKey))
  const right = new Set(b.map(identifierKey))
  return left.size === right.size && [...left].every(key => right.has(key))
}

/** Schema of an identifier on the wire. Values are kept as they come; only types we know are accepted. @internal */
export const identifierSchema = v.object({
  type: v.picklist(identifierTypes),
  value: v.pipe(v.string(), v.maxLength(300)),
})
