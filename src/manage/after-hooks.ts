/** The hooks after a delivery, as one more target of it. */
import { isAppError } from '../base/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { TargetResult } from './execute/deploy.ts'
import { type HookOptions, runAfterHooks } from './execute/hooks.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

/**
 * Runs those that are still to follow the delivery.
 * @returns the outcome, or `undefined` where there were none
 * @throws AppError ERR_STORE, ERR_ABORTED
 */
export async function afterHooksAsTarget(
  state: string,
  options: HookOptions & { readonly certificate: StoredCertificate },
  runtime: Pick<Runtime, 'exec' | 'files'>,
): Promise<TargetResult | undefined> {
  const result: TargetResult = { target: 'hooks', endpoints: [], notes: [] }
  try {
    return (await runAfterHooks(state, options, runtime)) ? result : undefined
  } catch (error) {
    if (!isAppError(error, 'ERR_HOOK')) throw error
    return { ...result, error }
  }
}
