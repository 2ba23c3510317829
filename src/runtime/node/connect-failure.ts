/** Why a connection could not be made, in words that people understand. */
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'

type Reason = { readonly text: string; readonly hint: string }

/** TLS that will be refused the next time too: verification errors of OpenSSL and of Node, and no TLS at all. */
const lastingCodes =
  /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|ERR_TLS_CERT|ERR_SSL_WRONG_VERSION|ERR_SSL_PACKET_LENGTH)/

const certificateHint = 'if this server is yours, give its root certificate by trust: (or --trust FILE)'

const plainTextHint =
  'see that the port is right: it may be one for plain HTTP, or one where plain text comes before TLS (an endpoint is written smtp://HOST:PORT then)'

/** Reasons by the codes of the system, of the resolver, of OpenSSL and of Node. */
const reasons: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: {
    text: 'nothing listens there',
    hint: 'see that the server runs and that the port is right',
  },
  ECONNRESET: {
    text: 'the server broke off the connection',
    hint: 'see that this port is meant for this protocol',
  },
  EPIPE: {
    text: 'the server broke off the connection',
    hint: 'see that this port is meant for this protocol',
  },
  ENOTFOUND: { text: 'there is no such name in DNS', hint: 'see that the name is spelled right' },
  EAI_AGAIN: {
    text: 'no DNS server answers',
    hint: 'see that this machine has a working network and resolver',
  },
  EHOSTUNREACH: { text: 'there is no route to it', hint: 'see the network and the firewall of this machine' },
  ENETUNREACH: { text: 'there is no route to it', hint: 'see the network and the firewall of this machine' },
  ETIMEDOUT: {
    text: 'it does not answer',
    hint: 'see that the address is right and that no firewall is in between',
  },
  CERT_HAS_EXPIRED: {
    text: 'its certificate, or one above it, has expired',
    hint: 'see that the clock of this machine is right; a root given by trust: (or --trust FILE) may be too old',
  },
  CERT_NOT_YET_VALID: {
    text: 'its certificate is not valid yet',
    hint: 'see that the clock of this machine is right',
  },
  CERT_REVOKED: { text: 'its certificate was revoked', hint: 'tell those who run the server' },
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    text: 'its certificate is self-signed and not trusted',
    hint: certificateHint,
  },
  SELF_SIGNED_CERT_IN_CHAIN: {
    text: 'its certificate comes from a root that is not trusted',
    hint: certificateHint,
  },
  UNABLE_TO_GET_ISSUER_CERT: {
    text: 'its certificate comes from a root that is not trusted',
    hint: certificateHint,
  },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    text: 'its certificate comes from a root that is not trusted',
    hint: certificateHint,
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    text: 'its certificate comes from an issuer that is not trusted, or the server does not send its chain',
    hint: certificateHint,
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    text: 'it does not speak TLS',
    hint: plainTextHint,
  },
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': {
    text: 'the server found nothing in common (TLS alert 40: handshake failure)',
    hint: 'see the log of the server: it may have no certificate, or none that fits what it is asked for',
  },
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: {
    text: 'the server failed within (TLS alert 80: internal error)',
    hint: 'see the log of the server: it may have no certificate for this name, or be unable to load it',
  },
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: {
    text: 'the server does not know this name (TLS alert 112)',
    hint: 'see that the name is spelled right and that it leads to this server',
  },
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: {
    text: 'the server does not speak this version of TLS (TLS alert 70)',
    hint: 'see which versions the server allows',
  },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: {
    text: 'it does not speak TLS',
    hint: plainTextHint,
  },
}

/**
 * The ERR_NETWORK for a connection that failed before anything was sent.
 * @param target - what was connected to, as it is shown: `ca.example:443`
 */
export function connectFailure(cause: unknown, target: string): AppError {
  const { text, hint } = reasonOf(cause)
  return new AppError('ERR_NETWORK', `cannot connect to ${printable(target)}: ${text}`, {
    hint,
    cause,
    lasting: lastingCodes.test(systemCodeOf(cause) ?? ''),
  })
}

function reasonOf(cause: unknown): { readonly text: string; readonly hint?: string } {
  const code = systemCodeOf(cause) ?? ''
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return otherName(cause)
  return reasons[code] ?? { text: printable(withoutPlace(messageOf(cause)) || code || 'unknown reason') }
}

/** OpenSSL's messages say where in its own sources they come from. */
function withoutPlace(message: string): string {
  return /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message)?.[1] ?? message
}

function otherName(cause: unknown): Reason {
  const names = cause instanceof Error && 'cert' in cause ? namesOf(cause.cert) : undefined
  return {
    text: `its certificate is for another name${names === undefined ? '' : ` (${printable(names, 200)})`}`,
    hint: 'see that the name in the URL is right and that it leads to this server',
  }
}

function namesOf(certificate: unknown): string | undefined {
  if (typeof certificate !== 'object' || certificate === null || !('subjectaltname' in certificate))
    return undefined
  const { subjectaltname: names } = certificate
  return typeof names === 'string' ? names.replaceAll(/DNS:|IP Address:/g, '') : undefined
}
