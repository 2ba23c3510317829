/** Text through sockets in the file system, as servers have them for their administrators. */

/**
 * Sends text to whoever listens at `path`, and reads what they say until they close. Ten seconds are given, and four MiB.
 * @throws AppError ERR_NETWORK, ERR_TIMEOUT, ERR_ABORTED
 */
export type AskSocket = (
  path: string,
  text: string,
  options: { readonly signal: AbortSignal },
) => Promise<string>
