/** What happens next: a binary heap over typed arrays, for a million things with one event each. */
import type { Instant } from '../../base/instant.ts'

/** Events in the order of their times; at one time in the order of their items. */
export interface EventQueue {
  readonly size: number
  /** The time of the first event; `undefined` where there is none. */
  nextAt(): Instant | undefined
  /** @param item - a number from 0; more than `capacity` events at a time are a `RangeError` */
  push(at: Instant, item: number): void
  /** The item of the first event, which is taken out; `undefined` where there is none. */
  pop(): number | undefined
}

/** Creates an empty queue. */
export function createEventQueue(capacity: number): EventQueue {
  const times = new Float64Array(capacity)
  const items = new Uint32Array(capacity)
  let size = 0
  const isBefore = (at: number, item: number, place: number): boolean => {
    const other = times[place] ?? 0
    return at < other || (at === other && item < (items[place] ?? 0))
  }
  const put = (place: number, at: number, item: number): void => {
    times[place] = at
    items[place] = item
  }
  const move = (from: number, to: number): void => put(to, times[from] ?? 0, items[from] ?? 0)

  return {
    get size() {
      return size
    },
    nextAt: () => (size === 0 ? undefined : (times[0] as Instant | undefined)), // only instants are put in
    push: (at, item) => {
      if (size === capacity) throw new RangeError(`more than ${capacity} events`)
      let place = size++
      while (place > 0) {
        const parent = (place - 1) >> 1
        if (!isBefore(at, item, parent)) break
        move(parent, place)
        place = parent
      }
      put(place, at, item)
    },
    pop: () => {
      if (size === 0) return undefined
      const first = items[0]
      size -= 1
      const at = times[size] ?? 0
      const item = items[size] ?? 0
      let place = 0
      for (;;) {
        let child = 2 * place + 1
        if (child >= size) break
        const right = child + 1
        if (right < size && isBefore(times[right] ?? 0, items[right] ?? 0, child)) child = right
        if (isBefore(at, item, child)) break
        move(child, place)
        place = child
      }
      put(place, at, item)
      return first
    },
  }
}
