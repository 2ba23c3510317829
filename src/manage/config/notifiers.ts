/** Who is told, from the configuration. Pure. */
import type { NotifyEntry } from '../../contracts/notifier-options.ts'
import type { NotifierChoice } from '../notify/choice.ts'

/** The notifiers of a configuration, in its order. */
export function readNotifiers(entries: readonly NotifyEntry[]): readonly NotifierChoice[] {
  const seen = new Map<string, number>()
  return entries.flatMap(entry =>
    Object.entries(entry).map(([name, { on, 'at-least': atLeast, ...options } = {}]) => {
      const number = (seen.get(name) ?? 0) + 1
      seen.set(name, number)
      return {
        name,
        label: number === 1 ? name : `${name}-${number}`,
        options,
        ...(on !== undefined && { on }),
        ...(atLeast !== undefined && { atLeast }),
      }
    }),
  )
}
