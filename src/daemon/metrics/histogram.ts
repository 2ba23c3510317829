/** Counting durations by size. Pure. */

/** `counts[i]` are the observations up to and including `bounds[i]` and above the bound before; the last is the rest. */
export type Histogram = {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

/** Without observations; `bounds` ascend. */
export function emptyHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 }
}

/** With one more. */
export function observe({ bounds, counts, sum }: Histogram, value: number): Histogram {
  const found = bounds.findIndex(bound => value <= bound)
  const bucket = found < 0 ? bounds.length : found
  return {
    bounds,
    counts: counts.map((count, index) => count + (index === bucket ? 1 : 0)),
    sum: sum + value,
  }
}
