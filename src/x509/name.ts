/** Distinguished names (RFC 5280 §4.1.2.4) and their text (RFC 4514). */
import { printable } from '../base/printable.ts'
import { type DerValue, malformed, membersOf, readOid, tag } from './der.ts'
import { oid, sequence, setOfOne, utf8String } from './der-writer.ts'
import { oids } from './oids.ts'

/** One attribute; `text` is `undefined` where the value is no string. */
type Attribute = { readonly type: string; readonly text: string | undefined; readonly value: DerValue }

// RFC 4514 §3, and those that CA certificates have beside them.
const shortNames: ReadonlyMap<string, string> = new Map([
  [oids.commonName, 'CN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.97', 'organizationIdentifier'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
])

/** A name as read: its DER, its text with the most specific part first, and its last common name. */
export type Name = {
  readonly der: Uint8Array
  readonly text: string
  readonly commonName: string | undefined
}

/**
 * Reads a Name. The texts are safe to show.
 * @throws AppError ERR_FORMAT
 */
export function readName(value: DerValue): Name {
  const relativeNames = membersOf(value, 'name').rest().map(readRelativeName)
  const commonName = relativeNames.flat().findLast(({ type }) => type === oids.commonName)?.text
  return {
    der: value.bytes,
    text: printable(
      relativeNames
        .toReversed()
        .map(attributes => attributes.map(attributeText).join('+'))
        .join(','),
    ),
    commonName: commonName === undefined ? undefined : printable(commonName),
  }
}

function readRelativeName(value: DerValue): readonly Attribute[] {
  const attributes = membersOf(value, 'relative name', tag.set).rest()
  if (attributes.length === 0) throw malformed('relative name is empty')
  return attributes.map(attribute => {
    const members = membersOf(attribute, 'name attribute')
    const type = readOid(members.take())
    const content = members.take()
    members.end()
    return { type, text: stringOf(content), value: content }
  })
}

// PrintableString, TeletexString and IA5String are read as Latin-1, which contains the first and third.
const decoders: ReadonlyMap<number, string> = new Map([
  [tag.utf8String, 'utf-8'],
  [0x13, 'latin1'],
  [0x14, 'latin1'],
  [tag.ia5String, 'latin1'],
  [0x1e, 'utf-16be'],
])

function stringOf({ tag: given, content }: DerValue): string | undefined {
  const encoding = decoders.get(given)
  if (encoding === undefined) return undefined
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(content)
  } catch (cause) {
    throw malformed('name has a string in no valid encoding', cause)
  }
}

function attributeText({ type, text, value }: Attribute): string {
  const shown = text === undefined ? `#${Buffer.from(value.bytes).toString('hex')}` : escapeText(text)
  return `${shortNames.get(type) ?? type}=${shown}`
}

/** RFC 4514 §2.4. */
function escapeText(text: string): string {
  return text.replaceAll(/[\\"+,;<>]|^[ #]| $/g, String.raw`\$&`)
}

/** DER of a name with nothing but a common name, or of the empty name. */
export function encodeName(commonName: string | undefined): Uint8Array {
  if (commonName === undefined) return sequence()
  return sequence(setOfOne(sequence(oid(oids.commonName), utf8String(commonName))))
}
