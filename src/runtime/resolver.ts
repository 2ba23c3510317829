/** DNS look-ups. */

export interface Resolver {
  /**
   * The IPv4 and IPv6 addresses of a name, IPv6 first, as text without brackets.
   * @returns an empty list when the name or both record types do not exist
   * @throws AppError ERR_NETWORK or ERR_TIMEOUT when the question could not be answered
   */
  addresses(name: string, options?: { readonly signal?: AbortSignal }): Promise<readonly string[]>
}
