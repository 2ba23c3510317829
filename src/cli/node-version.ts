/** The Node that this runs on. It must be readable by any Node: nothing else is loaded before it has looked. */

/** The oldest Node that has all that is used; also in `engines` of package.json. */
const oldest = [22, 18] as const

/** What to say of a Node that is too old; `undefined` for a good one. */
export function refuseNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return undefined
  return `error: certwright needs Node ${oldest.join('.')} or later, and this is ${version}\nhint: install a newer one, or put it first in PATH\n`
}
