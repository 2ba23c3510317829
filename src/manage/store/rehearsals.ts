/**
 * The certificate of a rehearsal beside those that count. That its directory is there says that servers may have been shown
 * it: it appears before anything is switched, and goes when the certificate that counts has been seen again.
 */
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { storeStep } from './documents.ts'
import { generationPath } from './paths.ts'

/** The name of its directory: no generation has one that begins with a dot. */
export const rehearsalGeneration = '.rehearsal'

/** A state directory of its own, so that accounts, limits and orders of rehearsals are not those that count. */
export const rehearsalState = (state: string) => `${state}/rehearsal`

/** Moves a generation that was issued for a rehearsal to where servers can be led to it, by one rename. */
export async function stageRehearsal(
  state: string,
  name: SpecName,
  generation: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const from = generationPath(rehearsalState(state), name, generation)
  const to = generationPath(state, name, rehearsalGeneration)
  await storeStep(`move ${from} to ${to}`, () => files.rename(from, to))
}

/** Removes it. Servers read the certificate that counts again. */
export async function removeRehearsal(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const path = generationPath(state, name, rehearsalGeneration)
  await storeStep(`remove ${path}`, () => files.remove(path))
}
