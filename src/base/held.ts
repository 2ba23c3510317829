/** Things that are given back together. */

/** Holds things until it is disposed of. */
export type Held = AsyncDisposable & {
  /** Holds one more, and returns it. */
  readonly use: <Thing extends AsyncDisposable>(thing: Thing) => Thing
}

/**
 * What `AsyncDisposableStack` is, which Node 22 does not have: the last thing is disposed of first. When that fails, the
 * others are disposed of all the same, and the first failure is thrown.
 */
export function createHeld(): Held {
  const things: AsyncDisposable[] = []
  return {
    use: thing => {
      things.push(thing)
      return thing
    },
    [Symbol.asyncDispose]: async () => {
      const failures: unknown[] = []
      for (const thing of things.splice(0).reverse()) {
        try {
          await thing[Symbol.asyncDispose]()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
