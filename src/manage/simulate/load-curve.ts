/** How a load is spread over time. Pure. */

/** The load of equal spans of time. */
export type LoadSummary = {
  readonly min: number
  /** Of an even number the lower one of the two in the middle. */
  readonly median: number
  /** At most one span in a hundred has more. */
  readonly p99: number
  readonly max: number
}

/** Summarizes counts per span; zeros where there is no span. */
export function summarizeLoad(counts: Uint32Array): LoadSummary {
  const sorted = counts.toSorted()
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
  return { min: at(0), median: at(0.5), p99: at(0.99), max: at(1) }
}

/** Adds up each `span` counts that follow one another; the last ones may be fewer. */
export function addUp(counts: Uint32Array, span: number): Uint32Array {
  const sums = new Uint32Array(Math.ceil(counts.length / span))
  for (const [index, count] of counts.entries()) {
    const place = Math.floor(index / span)
    sums[place] = (sums[place] ?? 0) + count
  }
  return sums
}
