/** DNS questions, also to one given server. */

/** A CAA record (RFC 8659 §4.1). */
export type CaaRecord = { readonly flags: number; readonly tag: string; readonly value: string }

/** What one record of a type holds. Names are in lower case, without the final dot. */
export type DnsRecords = {
  readonly A: string
  readonly AAAA: string
  readonly CNAME: string
  readonly NS: string
  /** The name of the primary server. */
  readonly SOA: string
  readonly CAA: CaaRecord
}
export type DnsRecordType = keyof DnsRecords

export type DnsQuestion<Type extends DnsRecordType> = {
  readonly name: string
  readonly type: Type
  /** Asked instead of the configured servers: `192.0.2.1`, `[2001:db8::1]:53`. */
  readonly server?: string
}

/**
 * Asks one question, over UDP, and over TCP where the answer is long. A server that resolves follows CNAME records; one
 * that does not gives no records then.
 * @returns an empty list when the name, or a record of this type, does not exist
 * @throws AppError ERR_NETWORK or ERR_TIMEOUT when the question could not be answered
 */
export type DnsQuery = <Type extends DnsRecordType>(
  question: DnsQuestion<Type>,
  options?: { readonly signal?: AbortSignal },
) => Promise<readonly DnsRecords[Type][]>
