/** Taking away what challenges were answered with, in this process or a later one. */
import { isAppError, messageOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import type { Provision, Solver } from '../../contracts/solver.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { OnEvent } from '../events.ts'
import type { SolverChoice, SpecName } from '../spec.ts'
import { readLeftOvers, writeLeftOvers } from '../store/left-overs.ts'
import type { Presented } from '../store/runs.ts'

/** Clean-up has its own deadline, so that it also happens after a cancellation. */
const cleanUpTimeoutMs = 30 * secondMs

/** What could not be taken away, and why. */
export type LeftOver = { readonly provision: Provision; readonly reason: string }

/** Takes away what `present` put somewhere. Never throws: what is left is returned. */
export async function cleanUp(
  solver: Solver,
  provisions: readonly Provision[],
): Promise<readonly LeftOver[]> {
  const signal = AbortSignal.timeout(cleanUpTimeoutMs)
  const results = await Promise.allSettled(
    provisions.map(async provision => solver.cleanUp(provision, { signal })),
  )
  return provisions.flatMap((provision, index) => {
    const result = results[index]
    return result?.status === 'rejected' ? [{ provision, reason: messageOf(result.reason) }] : []
  })
}

export type TidyUpOptions = {
  readonly name: SpecName
  /** Of a run that needs it no more. */
  readonly presented: readonly Presented[]
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly onEvent: OnEvent
}

/**
 * Takes away what a run put somewhere, and what earlier ones could not take away. What is left is written down: the next
 * call for the same certificate tries it again. Never throws: nothing here may stand in the way of a certificate. The caller
 * holds the lock of the certificate.
 * @returns whether all that was presented is either gone or durably among the left-overs
 */
export async function tidyUp(
  state: string,
  { name, presented, solverFor, onEvent }: TidyUpOptions,
  { files }: Pick<Runtime, 'files'>,
): Promise<boolean> {
  const warn = (text: string) => onEvent({ certificate: name, step: 'challenge', level: 'warning', text })
  const earlier = await readLeftOvers(state, name, { files }).catch((error: unknown) => {
    warn(messageOf(error))
    return isAppError(error, 'ERR_STORE_CORRUPT') ? [] : undefined // a damaged one is of no use and goes
  })
  const left: Presented[] = []
  const reasons: string[] = []
  // The last first: whoever came first made the directories.
  for (const { solver: choice, provisions } of [...(earlier ?? []), ...presented].toReversed()) {
    const still = await cleanUpBy(() => solverFor(choice), provisions)
    if (still.length === 0) continue
    left.unshift({ solver: choice, provisions: still.map(({ provision }) => provision) })
    reasons.push(...still.map(({ reason }) => reason))
  }
  let next = 'the next run tries it again'
  let noted = true
  try {
    if (earlier !== undefined || left.length > 0) await writeLeftOvers(state, name, left, { files })
  } catch (error) {
    next = `remove it yourself, because this could not be written down: ${messageOf(error)}`
    noted = left.length === 0
  }
  for (const reason of reasons) warn(`cleaning up after the challenge failed: ${reason}; ${next}`)
  return noted
}

async function cleanUpBy(
  solver: () => Promise<Solver>,
  provisions: readonly Provision[],
): Promise<readonly LeftOver[]> {
  try {
    return await cleanUp(await solver(), provisions)
  } catch (error) {
    // A solver that is not there any more, or takes other options by now.
    return provisions.map(provision => ({ provision, reason: messageOf(error) }))
  }
}
