/** Version numbers of servers and libraries. */

/** The numbers of a version, most significant first: `1.22.1` is `[1, 22, 1]`. Letters after them do not count. */
export type Version = readonly number[]

/** The first version in a text: `OpenSSL 1.1.1w`, `3.0.19`, `8.0`. */
export function parseVersion(text: string): Version | undefined {
  const [found] = /\d+(?:\.\d+)*/.exec(text) ?? []
  return found?.split('.').map(Number)
}

/** A version of this source code, which is right. */
export function atLeast(version: Version, wanted: string): boolean {
  const numbers = wanted.split('.').map(Number)
  for (const [index, number] of numbers.entries()) {
    const have = version[index] ?? 0
    if (have !== number) return have > number
  }
  return true
}

/** `1.22.1`. */
export function formatVersion(version: Version): string {
  return version.join('.')
}
