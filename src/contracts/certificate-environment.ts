/** What programs of the user's own are told of a certificate: the same variables for hooks and for targets. */
import { formatInstant, type Instant } from '../base/instant.ts'

/** The directories of the system, wherever Certwright was started from. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export type CertificateFacts = {
  readonly name: string
  readonly identifiers: readonly { readonly value: string }[]
  /** `live/<name>`, absolute. */
  readonly directory: string
  /** The certificate itself, once there is one. */
  readonly issued?: { readonly fingerprint: string; readonly notAfter: Instant } | undefined
}

/** The complete environment of a program that is run for a certificate. */
export function certificateEnvironment(
  event: string,
  { name, identifiers, directory, issued }: CertificateFacts,
): Readonly<Record<string, string>> {
  const values = identifiers.map(({ value }) => value).join(' ')
  return {
    PATH: path,
    LANG: 'C.UTF-8',
    CERTWRIGHT_EVENT: event,
    CERTWRIGHT_NAME: name,
    CERTWRIGHT_IDENTIFIERS: values,
    CERTWRIGHT_DIRECTORY: directory,
    ...(issued !== undefined && {
      CERTWRIGHT_FINGERPRINT: issued.fingerprint,
      CERTWRIGHT_NOT_AFTER: formatInstant(issued.notAfter),
      // For scripts that were written for certbot.
      RENEWED_LINEAGE: directory,
      RENEWED_DOMAINS: values,
    }),
  }
}
