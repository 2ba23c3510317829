/** Reading the store. */
import { type AppError, isAppError } from '../../base/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { readAttempts } from '../store/attempts.ts'
import { readDeployments } from '../store/deployments.ts'
import { listGenerations, liveGeneration, type ReadingOptions } from '../store/generations.ts'
import { readHooks } from '../store/hooks.ts'
import { readRenewal } from '../store/renewals.ts'
import { type RunState, readRun } from '../store/runs.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { CertificateView, LonelyRecord } from './observation.ts'

/**
 * What the store holds of one certificate.
 * @throws AppError ERR_STORE; damage is a value
 */
export async function observeCertificate(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
  options: ReadingOptions = {},
): Promise<CertificateView> {
  const { stored, damaged, rehearsal } = await listGenerations(state, name, { files }, options)
  const liveId = await liveGeneration(state, name, { files })
  const live = stored.find(({ generation }) => generation === liveId)
  const unreadable: AppError[] = []
  const lonelyDamage: { readonly record: LonelyRecord; readonly error: AppError }[] = []
  const orDamaged = async <T>(read: Promise<T>, instead: T, record?: LonelyRecord): Promise<T> => {
    try {
      return await read
    } catch (error) {
      if (!isAppError(error, 'ERR_STORE_CORRUPT')) throw error
      unreadable.push(error)
      if (record !== undefined) lonelyDamage.push({ record, error })
      return instead
    }
  }
  const run = await orDamaged(readRun(state, name, { files }), undefined, 'run')
  const deployments = await orDamaged(readDeployments(state, name, { files }), [])
  const renewal = await orDamaged(readRenewal(state, name, { files }), undefined)
  const attempts = await orDamaged(readAttempts(state, name, { files }), {}, 'attempts')
  const hooks = await orDamaged(readHooks(state, name, { files }), undefined, 'hooks')
  return {
    name,
    generations: stored,
    damaged: [...damaged, ...unreadable],
    ...(lonelyDamage.length > 0 && { lonelyDamage }),
    ...(live !== undefined && { live }),
    ...(rehearsal && { rehearsal }),
    ...(run !== undefined && (hasEnded(run, stored) ? { endedRun: run } : { run })),
    deployments,
    ...(renewal !== undefined && { renewal }),
    attempts,
    ...(hooks !== undefined && { hooks }),
  }
}

function hasEnded({ orderUrl }: RunState, stored: readonly StoredCertificate[]): boolean {
  return orderUrl !== undefined && stored.some(one => one.orderUrl === orderUrl)
}
