/** What dead processes and broken disks left of a certificate, beside what the next issuance and delivery take care of. */
import type { Runtime } from '../../runtime/runtime.ts'
import { type CertificateView, type LonelyRecord } from '../observe/observation.ts'
import { observeCertificate } from '../observe/observe.ts'
import type { SpecName } from '../spec.ts'
import { writeAttempts } from '../store/attempts.ts'
import { removeHooks } from '../store/hooks.ts'
import { removeRun, setRunAside } from '../store/runs.ts'
import { type TidyUpOptions, tidyUp } from './clean-up.ts'

type TidyRuntime = Pick<Runtime, 'files' | 'random'>

/** Whether there is something for {@link tidyCertificate}, left-overs of challenges apart. */
export function isUntidy({ endedRun, lonelyDamage = [] }: CertificateView): boolean {
  return endedRun !== undefined || lonelyDamage.length > 0
}

/**
 * Takes left-overs of challenges away, and the journal of a run whose certificate is stored. Damaged records that nothing else
 * replaces are put away, with a warning. The caller holds the lock of the certificate.
 * @throws AppError ERR_STORE
 */
export async function tidyCertificate(
  state: string,
  options: Omit<TidyUpOptions, 'presented'>,
  runtime: TidyRuntime,
): Promise<void> {
  const { name, onEvent } = options
  const view = await observeCertificate(state, name, runtime, { trustUntouched: true })
  const { endedRun, lonelyDamage = [] } = view
  await tidyUp(state, { ...options, presented: endedRun?.presented ?? [] }, runtime)
  if (endedRun !== undefined) await removeRun(state, name, runtime)
  for (const { record, error } of lonelyDamage) {
    await putAway[record](state, name, runtime)
    const text = `${error.message}; it was put away: ${meanings[record]}`
    onEvent({ certificate: name, step: 'storing', level: 'warning', text })
  }
}

const putAway: Readonly<
  Record<LonelyRecord, (state: string, name: SpecName, runtime: TidyRuntime) => Promise<void>>
> = {
  run: setRunAside,
  attempts: (state, name, runtime) => writeAttempts(state, name, {}, runtime),
  hooks: removeHooks,
}

const meanings: Readonly<Record<LonelyRecord, string>> = {
  run: 'an issuance begins anew',
  attempts: 'earlier failures are forgotten',
  hooks: 'hooks that were still to be run are not run',
}
