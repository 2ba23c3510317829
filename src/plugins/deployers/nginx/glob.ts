/** File name patterns as nginx hands them to glob(3). */

/** Whether `path` matches `pattern`, component by component: `*`, `?`, `[a-z]`, `[!a]`, and `\` before a literal. */
export function matchesGlob(pattern: string, path: string): boolean {
  const patterns = pattern.split('/')
  const names = path.split('/')
  return (
    patterns.length === names.length &&
    patterns.every((component, index) => matchesName(component, names[index] ?? ''))
  )
}

/** Whether a pattern has anything in it that is not matched literally. */
export function isGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern)
}

/** One component; `*` goes back at most to the last star, so the time is at most the product of the lengths. */
function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false // hidden files must be asked for
  const units = splitUnits(pattern)
  let unit = 0
  let at = 0
  let star: { readonly unit: number; at: number } | undefined
  while (at < name.length) {
    const current = units[unit]
    if (current === '*') {
      star = { unit, at }
      unit += 1
    } else if (current !== undefined && matchesCharacter(current, name.charAt(at))) {
      unit += 1
      at += 1
    } else if (star !== undefined) {
      star.at += 1
      at = star.at
      unit = star.unit + 1
    } else return false
  }
  return units.slice(unit).every(rest => rest === '*')
}

/** A pattern as what matches one character each: `a`, `?`, `\*`, `[a-z]`; and stars. */
function splitUnits(pattern: string): readonly string[] {
  return pattern.match(/\\[^]|\[[!^]?\]?[^\]]*\]|[^]/g) ?? []
}

function matchesCharacter(unit: string, character: string): boolean {
  if (unit === '?') return true
  if (unit.length === 2 && unit.startsWith('\\')) return unit.charAt(1) === character
  if (unit.length < 3) return unit === character
  const negated = '!^'.includes(unit.charAt(1))
  const set = unit.slice(negated ? 2 : 1, -1)
  return inSet(set, character) !== negated
}

function inSet(set: string, character: string): boolean {
  for (let at = 0; at < set.length; at += 1) {
    const from = set.charAt(at)
    const isRange = set.charAt(at + 1) === '-' && at + 2 < set.length
    const to = isRange ? set.charAt(at + 2) : from
    if (from <= character && character <= to) return true
    if (isRange) at += 2
  }
  return false
}
