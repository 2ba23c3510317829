/** What differs between two texts, in the form that `diff -u` prints. Pure. */

/** A line of both texts, of the earlier or of the later one. */
type Change = { readonly kind: ' ' | '-' | '+'; readonly line: string }

export type DiffNames = {
  /** Of the file, or of the earlier one. */
  readonly from: string
  readonly to: string
}

const context = 3
/** More than these many lines that differ and the rest is shown as replaced: the search takes their square. */
const maxDistance = 2000

/** The unified diff; empty where the texts are equal. */
export function unifiedDiff(before: string, after: string, { from, to }: DiffNames): string {
  const changes = compareLines(toLines(before), toLines(after))
  const hunks = hunksOf(changes)
  if (hunks.length === 0) return ''
  return `--- ${from}\n+++ ${to}\n${hunks.map(hunk => formatHunk(hunk, changes)).join('')}`
}

/** Lines with their ends: a missing one at the end of the file is a difference. */
function toLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

/** From the first change to behind the last one, by index. */
type Hunk = { readonly start: number; readonly end: number }

/** Changes that are near each other are shown together. */
function hunksOf(changes: readonly Change[]): readonly Hunk[] {
  const hunks: { start: number; end: number }[] = []
  changes.forEach(({ kind }, index) => {
    if (kind === ' ') return
    const last = hunks.at(-1)
    const start = Math.max(0, index - context)
    const end = Math.min(changes.length, index + 1 + context)
    if (last !== undefined && start <= last.end) last.end = end
    else hunks.push({ start, end })
  })
  return hunks
}

function formatHunk({ start, end }: Hunk, changes: readonly Change[]): string {
  const count = (list: readonly Change[], without: '-' | '+') =>
    list.filter(({ kind }) => kind !== without).length
  const earlier = changes.slice(0, start)
  const own = changes.slice(start, end)
  const range = (without: '-' | '+') => {
    const length = count(own, without)
    const first = count(earlier, without) + (length === 0 ? 0 : 1)
    return length === 1 ? `${first}` : `${first},${length}`
  }
  const lines = own.map(({ kind, line }) =>
    line.endsWith('\n') ? `${kind}${line}` : `${kind}${line}\n\\ No newline at end of file\n`,
  )
  return `@@ -${range('+')} +${range('-')} @@\n${lines.join('')}`
}

function compareLines(before: readonly string[], after: readonly string[]): readonly Change[] {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1
  let tail = 0
  const rest = Math.min(before.length, after.length) - head
  while (tail < rest && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1
  const same = (lines: readonly string[]) => lines.map((line): Change => ({ kind: ' ', line }))
  return [
    ...same(before.slice(0, head)),
    ...shortestScript(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ]
}

/** The fewest deletions and insertions, by the greedy search of Myers (1986). */
function shortestScript(before: readonly string[], after: readonly string[]): readonly Change[] {
  const reach = new Map<number, number>([[1, 0]]) // by diagonal: how far in `before`
  const steps: ReadonlyMap<number, number>[] = []
  const limit = Math.min(before.length + after.length, maxDistance)
  for (let distance = 0; distance <= limit; distance += 1) {
    steps.push(new Map(reach))
    for (let diagonal = -distance; diagonal <= distance; diagonal += 2) {
      let x = takesInsertion(reach, diagonal, distance)
        ? at(reach, diagonal + 1)
        : at(reach, diagonal - 1) + 1
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1
      reach.set(diagonal, x)
      if (x >= before.length && x - diagonal >= after.length) return retrace(before, after, steps)
    }
  }
  return [
    ...before.map((line): Change => ({ kind: '-', line })),
    ...after.map((line): Change => ({ kind: '+', line })),
  ]
}

function at(reach: ReadonlyMap<number, number>, diagonal: number): number {
  return reach.get(diagonal) ?? -1
}

function takesInsertion(reach: ReadonlyMap<number, number>, diagonal: number, distance: number): boolean {
  return (
    diagonal === -distance || (diagonal !== distance && at(reach, diagonal - 1) < at(reach, diagonal + 1))
  )
}

function retrace(
  before: readonly string[],
  after: readonly string[],
  steps: readonly ReadonlyMap<number, number>[],
): readonly Change[] {
  const changes: Change[] = []
  let x = before.length
  let y = after.length
  for (let distance = steps.length - 1; distance >= 0; distance -= 1) {
    const reach = steps[distance] ?? new Map<number, number>()
    const inserts = takesInsertion(reach, x - y, distance)
    const diagonal = inserts ? x - y + 1 : x - y - 1
    const fromX = distance === 0 ? 0 : at(reach, diagonal)
    const fromY = distance === 0 ? 0 : fromX - diagonal
    const [endX, endY] = distance === 0 ? [0, 0] : inserts ? [fromX, fromY + 1] : [fromX + 1, fromY]
    for (; x > endX && y > endY; x -= 1, y -= 1) changes.push({ kind: ' ', line: before[x - 1] ?? '' })
    if (distance > 0)
      changes.push(
        inserts ? { kind: '+', line: after[fromY] ?? '' } : { kind: '-', line: before[fromX] ?? '' },
      )
    x = fromX
    y = fromY
  }
  return changes.reverse()
}
