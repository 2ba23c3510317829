/**
 * The life of a process: what it does to the world outside, and where it ends.
 *
 * A process is killed before one of the changes that it makes. Its calls between two changes only look: at whichever of them
 * it dies, it leaves the same world behind, so one death stands for all of them. After its death nothing of it runs, no
 * clean-up either: whatever it waits for never comes.
 */
import { AppError } from '../../src/base/errors.ts'
import type { Pieces } from '../../src/testing/piecewise-files.ts'

/** Where a process ends, or what else befalls it; changes are counted from 0. */
export type Fate = {
  /** Killed when it is about to make this change. */
  readonly diesBefore?: number
  /** This change is made at the other end, but the reply is lost. */
  readonly losesReplyOf?: number
}

export type Life = Omit<Pieces, 'id'> & {
  readonly isOver: () => boolean
  /** Resolves when it is killed. */
  readonly death: Promise<'died'>
  /** How many calls it made, those that change something included. */
  readonly calls: () => number
  /** What it changed, in order. */
  readonly changes: readonly string[]
}

/** A process that begins. */
export function startLife({ diesBefore, losesReplyOf }: Fate): Life {
  const { promise: death, resolve } = Promise.withResolvers<'died'>()
  const never = new Promise<never>(() => {})
  const changes: string[] = []
  let calls = 0
  let over = false

  return {
    look: async (_, read) => {
      if (over) return never
      calls++
      const result = await read()
      return over ? never : result
    },
    change: async (name, change) => {
      const number = changes.length
      if (number === diesBefore) {
        over = true
        resolve('died')
      }
      if (over) return never
      calls++
      changes.push(name)
      const result = await change()
      if (over) return never
      if (number === losesReplyOf) throw new AppError('ERR_REPLY_LOST', `${name}: the connection broke`)
      return result
    },
    isOver: () => over,
    death,
    calls: () => calls,
    changes,
  }
}
