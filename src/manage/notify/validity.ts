/** Until when servers have a good certificate. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { isAppError } from '../../base/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { newest } from '../observe/observation.ts'
import { observeCertificate } from '../observe/observe.ts'
import type { SpecName } from '../spec.ts'
import { isGood, type RunResult } from './decide.ts'
import type { Validity } from './stage.ts'

/** Each one reads a few small files. */
const readingConcurrency = 8

/**
 * By name, of the certificates that servers are given after a run. Where something failed that is read from the store,
 * for the newest certificate may be the one that was not taken. What cannot be read is left out.
 */
export async function validityAfter(
  state: string,
  results: readonly RunResult[],
  { files }: Pick<Runtime, 'files'>,
): Promise<ReadonlyMap<string, Validity>> {
  const found = await mapConcurrently(results, readingConcurrency, async result => {
    const { name } = result.spec
    return [name, isGood(result) ? result.certificate : await readValidity(state, name, { files })] as const
  })
  return new Map(found.flatMap(([name, validity]) => (validity === undefined ? [] : [[name, validity]])))
}

async function readValidity(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<Validity | undefined> {
  try {
    const view = await observeCertificate(state, name, { files })
    return view.live ?? newest(view)
  } catch (error) {
    if (isAppError(error)) return undefined // the run has failed for the same reason and says so
    throw error
  }
}
