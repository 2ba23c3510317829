/** The dialogue of XMPP: two XML streams that open side by side. */
import { complete, type Dialogue, type Heard, incomplete, type Refusal, refused } from './dialogue.ts'

const tlsNamespace = 'urn:ietf:params:xml:ns:xmpp-tls'

/** XMPP between clients and servers, RFC 6120 section 5.4. */
export const xmpp: Dialogue = {
  label: 'XMPP',
  steps: ({ serverName }) => [
    {
      send:
        `<?xml version='1.0'?><stream:stream to='${attribute(serverName)}' version='1.0' xmlns='jabber:client' ` +
        `xmlns:stream='http://etherx.jabber.org/streams'>`,
      awaited: 'open its stream',
      hear: received => {
        const heard = until(received, features, 'not-ready')
        if (heard.kind !== 'complete') return heard
        const offers = received.toString('latin1', 0, heard.length).includes(tlsNamespace)
        return offers ? heard : refused('not-offered', received.subarray(0, heard.length))
      },
    },
    {
      send: `<starttls xmlns='${tlsNamespace}'/>`,
      awaited: 'answer starttls',
      hear: received => until(received, proceed, 'refused'),
    },
  ],
}

const features = /<(?:\w+:)?features\b(?:[^>]*\/>|[^]*?<\/(?:\w+:)?features\s*>)\s*/
/** Nothing may follow this one, white space included: the next byte belongs to TLS. */
const proceed = /<proceed\b(?:[^>]*\/>|[^>]*><\/proceed\s*>)/
/** Either of them ends the stream. */
const failure = /<(?:\w+:)?(?:error|failure)\b(?:[^>]*\/>|[^]*?<\/(?:\w+:)?(?:error|failure)\s*>)/

function until(received: Buffer, wanted: RegExp, otherwise: Refusal): Heard {
  const text = received.toString('latin1') // one character for each byte
  if (/^\s*[^\s<]/.test(text)) return refused('other-protocol', received)
  const found = wanted.exec(text)
  if (found !== null) return complete(found.index + found[0].length)
  const failed = failure.exec(text)
  if (failed !== null)
    return refused(otherwise, received.subarray(failed.index, failed.index + failed[0].length))
  return text.includes('</stream:stream>') ? refused(otherwise, received) : incomplete
}

function attribute(text: string): string {
  return text.replace(/[&<>'"]/g, character => `&#${character.codePointAt(0)};`)
}
