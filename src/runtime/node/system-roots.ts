/** The roots that this machine trusts: those of Node and those of the system. */

/** PEM of each; read anew from the system only once in a process. */
export async function systemRoots(): Promise<readonly string[]> {
  const { getCACertificates } = await import('node:tls')
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
}
