/** Why a setting is there and what it costs; the same in every server. */
import type { FittedTls } from './fitted.ts'
import { type Profile, profileValues } from './profiles.ts'

type Reason = { readonly why: string; readonly cost?: string | undefined }

/** The reasons of one profile. */
export type Reasons = {
  readonly [Name in
    | 'protocols'
    | 'ciphers'
    | 'suites'
    | 'groups'
    | 'order'
    | 'tickets'
    | 'cache'
    | 'stapling'
    | 'dhe']: Reason
}

/** The reasons for a fitted profile. */
export function reasonsFor(profile: Profile, tls: FittedTls): Reasons {
  const oldest = profileValues[profile].oldestClients
  return {
    protocols: {
      modern: {
        why: 'TLS 1.3 alone: no cipher, group or message of it is known to be weak.',
        cost: `Everything older is lost, clients with TLS 1.2 included. The oldest that connect: ${oldest}.`,
      },
      intermediate: {
        why: 'TLS 1.0 and 1.1 lean on MD5 and SHA-1 and were withdrawn by RFC 8996.',
        cost: `The oldest that connect: ${oldest}.`,
      },
      old: {
        why: 'TLS 1.0 and 1.1 for clients that know nothing newer.',
        cost: 'RFC 8996 withdrew them; rating tools stop at B, and card payment rules (PCI DSS) are not met.',
      },
    }[profile],
    ciphers:
      profile === 'old'
        ? {
            why: `Forward secrecy with authenticated encryption first; then CBC and the plain RSA key exchange, for: ${oldest}.`,
            cost: 'What was recorded by the RSA key exchange can be read by whoever gets the key later; CBC invites timing attacks. At security level 0 the library also takes short keys and SHA-1. Builds of OpenSSL from 1.1.0 on have no 3DES, so Windows XP stays out.',
          }
        : {
            why: 'TLS 1.2 with forward secrecy (ECDHE) and authenticated encryption (GCM, ChaCha20-Poly1305) alone.',
            cost: 'Clients that know only CBC, DHE or the RSA key exchange are lost: those from before 2014, and Safari before 9.',
          },
    suites: { why: 'The three suites of TLS 1.3 that everybody has; all of them are good.' },
    groups: {
      why: tls.groups.includes('X25519MLKEM768')
        ? 'X25519MLKEM768 first: what is recorded today cannot be read with a quantum computer later. The others are for everybody else.'
        : 'The groups for the key exchange that clients have, the fastest first.',
      cost: 'Clients that know only other curves, such as secp521r1, are lost; none is in common use.',
    },
    order: tls.serverOrder
      ? { why: 'Weak ciphers are offered, so the server chooses: the best that both sides have.' }
      : {
          why: 'All ciphers offered are good, so the client may choose: a phone without AES in hardware takes ChaCha20.',
        },
    tickets: {
      why: 'The keys of session tickets would stay the same until a restart, and whoever gets them reads what was recorded since.',
      cost: 'Resumption of TLS 1.2 needs the cache of this server; clients that come back to another one of a group shake hands in full.',
    },
    cache: { why: 'Clients that come back skip half of the handshake.' },
    stapling: {
      why: 'The certificate names an OCSP responder: the server fetches the proof that it is not revoked and hands it out, so that browsers need not ask.',
      cost: 'The server must reach the responder of the CA. Must-staple is left alone: with it, a responder that is away takes the site down.',
    },
    dhe: {
      why: 'A group that everybody can look up (RFC 7919) for clients that know DHE and no ECDHE.',
      cost: 'DHE costs the server several times the work of ECDHE. The group is not generated, but written down by: openssl genpkey -genparam -algorithm DH -pkeyopt dh_param:ffdhe2048',
    },
  }
}
