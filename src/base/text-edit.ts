/** Changes of a text that can be taken back, also after somebody has changed other parts of it. Pure. */

/** Replaces what stands from `start` up to, and not with, `end`. */
export type TextEdit = { readonly start: number; readonly end: number; readonly text: string }

/** An edit that was made, as it is found again. */
export type MadeEdit = {
  /** Where it begins in the changed text. */
  readonly at: number
  readonly removed: string
  readonly inserted: string
  /** What stands around it in the changed text. */
  readonly before: string
  readonly after: string
}

/** Enough to tell places apart; more of it is more that somebody may have changed. */
const contextLength = 60
/** A shorter text, alone, may well be somebody else's. */
const minDistinctLength = 12

/** The text with all edits made. Those at one place are made in the order of the list; none may overlap. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = ''
  let at = 0
  for (const edit of inOrder(edits)) {
    result += text.slice(at, edit.start) + edit.text
    at = edit.end
  }
  return result + text.slice(at)
}

/** The same edits, as they are found in the changed text. */
export function madeEdits(text: string, edits: readonly TextEdit[]): readonly MadeEdit[] {
  const changed = applyEdits(text, edits)
  let shift = 0
  return joined(inOrder(edits)).map(edit => {
    const at = edit.start + shift
    const end = at + edit.text.length
    shift += edit.text.length - (edit.end - edit.start)
    return {
      at,
      removed: text.slice(edit.start, edit.end),
      inserted: edit.text,
      before: changed.slice(Math.max(0, at - contextLength), at),
      after: changed.slice(end, end + contextLength),
    }
  })
}

/** The text as it was before the edits, from the very text that they led to. */
export function takeBackEdits(changed: string, made: readonly MadeEdit[]): string {
  return applyEdits(
    changed,
    made.map(({ at, removed, inserted }) => ({ start: at, end: at + inserted.length, text: removed })),
  )
}

/**
 * Takes edits out of a text that was changed since.
 * @returns the edits that do so, and those that cannot be found with certainty
 */
export function findEdits(
  text: string,
  made: readonly MadeEdit[],
): { readonly edits: readonly TextEdit[]; readonly lost: readonly MadeEdit[] } {
  const edits: TextEdit[] = []
  const lost: MadeEdit[] = []
  for (const edit of made) {
    const start = positionOf(edit, text, made)
    const end = (start ?? 0) + edit.inserted.length
    const overlaps = (other: TextEdit) => start !== undefined && start < other.end && other.start < end
    if (start === undefined || edits.some(overlaps)) lost.push(edit)
    else edits.push({ start, end, text: edit.removed })
  }
  return { edits, lost }
}

/** With all that stood around it, or with one side of that, or alone; where it is found as often as it was made. */
function positionOf(edit: MadeEdit, text: string, made: readonly MadeEdit[]): number | undefined {
  for (const { before, after } of [
    { before: true, after: true },
    { before: true },
    { after: true },
    {},
  ] as Sides[]) {
    const keyOf = (one: MadeEdit) =>
      `${before === true ? one.before : ''}${one.inserted}${after === true ? one.after : ''}`
    const key = keyOf(edit)
    if (key.trim().length < minDistinctLength) continue
    const found = positions(text, key)
    const equals = made.filter(one => keyOf(one) === key)
    const position = found.length === equals.length ? found[equals.indexOf(edit)] : undefined
    if (position !== undefined) return position + (before === true ? edit.before.length : 0)
  }
  return undefined
}

type Sides = { readonly before?: true; readonly after?: true }

function positions(text: string, part: string): readonly number[] {
  const found: number[] = []
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + 1)) found.push(at)
  return found
}

/** Those that touch each other as one: nothing that stays tells them apart. */
function joined(edits: readonly TextEdit[]): readonly TextEdit[] {
  const result: TextEdit[] = []
  for (const edit of edits) {
    const last = result.at(-1)
    if (last?.end !== edit.start) result.push(edit)
    else result.splice(-1, 1, { start: last.start, end: edit.end, text: last.text + edit.text })
  }
  return result
}

function inOrder(edits: readonly TextEdit[]): readonly TextEdit[] {
  const ordered = edits.toSorted((one, other) => one.start - other.start || one.end - other.end)
  ordered.forEach(({ start }, index) => {
    const previous = ordered[index - 1]
    if (previous !== undefined && start < previous.end) throw new TypeError('edits overlap')
  })
  return ordered
}
