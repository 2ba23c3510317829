/** What the daemon is asked for while it is busy or waits: kept until it has time, equal requests once. */

/** What is to be done before the next look that time brings. */
export type Request = {
  /** Read the configuration, also when it looks as before. */
  readonly reload: boolean
  /** Look now: `all`, or what these certificates need at once. */
  readonly look: 'all' | readonly string[] | undefined
}

export type Requests = {
  reload(): void
  look(what: 'all' | readonly string[]): void
  /** All requests so far as one. */
  take(): Request
}

/** An empty list. `onArrival` is called with every request. */
export function createRequests(onArrival: () => void): Requests {
  let waiting = none
  const add = ({ reload, look }: Request): void => {
    waiting = { reload: reload || waiting.reload, look: merged(waiting.look, look) }
    onArrival()
  }
  return {
    reload: () => add({ reload: true, look: undefined }),
    look: what => add({ reload: false, look: what }),
    take: () => {
      const taken = waiting
      waiting = none
      return taken
    },
  }
}

const none: Request = { reload: false, look: undefined }

// Names are wanted more urgently than everything: what else is due follows in the same look.
function merged(one: Request['look'], other: Request['look']): Request['look'] {
  if (one === undefined || other === undefined) return one ?? other
  if (one === 'all') return other
  return other === 'all' ? one : [...new Set([...one, ...other])]
}
