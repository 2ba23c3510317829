/** `certwright notify test`. */
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { suggest } from '../../base/suggest.ts'
import type { NotifierChoice } from '../../manage/notify/choice.ts'
import { type Delivery, deliverNotifications } from '../../manage/notify/deliver.ts'
import { testNotification } from '../../manage/notify/test-notification.ts'
import { createNotifier } from '../../plugins/registry.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { errorJson, failureLines } from '../error-text.ts'
import { styled } from '../text.ts'
import { loadCommandConfig } from '../workbench.ts'

const testIdLength = 16

/** Sends a test by every notifier of the configuration, or by those that are named. Fails when one did not take it. */
export async function notifyTest(
  context: CommandContext,
  { only = [] }: { readonly only?: readonly string[] },
): Promise<CommandResult> {
  const { notify } = await loadCommandConfig(context)
  const chosen = choose(notify, only)
  const { runtime, signal, globals } = context
  const notification = testNotification({
    at: runtime.clock.now(),
    host: runtime.hostName(),
    id: `test-${runtime.random.id(testIdLength)}`,
  })
  const deliveries = await deliverNotifications(
    chosen.map(choice => ({ choice, notifications: [notification] })),
    { notifierFor: choice => createNotifier(choice, runtime), signal },
    runtime,
  )
  return {
    exitCode: deliveries.some(({ error }) => error !== undefined) ? exitCodes.failed : exitCodes.done,
    text: deliveries.map(delivery => describe(delivery, globals.color)).join(''),
    json: {
      notifiers: deliveries.map(({ notifier, error }) => ({
        name: notifier,
        ok: error === undefined,
        ...(error !== undefined && { error: errorJson(error) }),
      })),
    },
  }
}

/** By label, or by kind: `email` also means `email-2`. */
function choose(notify: readonly NotifierChoice[], only: readonly string[]): readonly NotifierChoice[] {
  if (notify.length === 0) {
    throw new AppError('ERR_NOT_FOUND', 'no notifiers are configured', {
      hint: 'add some under notify: in the configuration; certwright config schema says what there is',
    })
  }
  const labels = notify.map(({ label }) => label)
  for (const wanted of only) {
    if (notify.some(({ name, label }) => wanted === name || wanted === label)) continue
    const near = suggest(wanted, labels)
    throw new AppError('ERR_NOT_FOUND', `there is no notifier "${printable(wanted, 80)}"`, {
      hint: near === undefined ? `there are: ${labels.join(', ')}` : `did you mean ${near}?`,
    })
  }
  return only.length === 0
    ? notify
    : notify.filter(({ name, label }) => only.includes(name) || only.includes(label))
}

function describe({ notifier, error }: Delivery, color: boolean): string {
  if (error === undefined) return `${notifier}: ${styled(color, 'green', 'ok')}\n`
  const lines = failureLines(error).map(line => `  ${line}\n`)
  return `${notifier}: ${styled(color, 'red', 'FAILED')}\n${lines.join('')}`
}
