/** What the log says of a look: what was done, what failed, and nothing where there was nothing. */
import { isAppError, messageOf } from '../base/errors.ts'
import { formatInstant } from '../base/instant.ts'
import type { LogFields, Logger } from '../base/log.ts'
import type { ApplyResult } from '../manage/apply-result.ts'
import type { Look } from './loop.ts'
import type { ShownError } from './status.ts'

/** Logs looks. What stays as it was is not told again. */
export function createReporter(log: Logger): (look: Pick<Look, 'results' | 'error' | 'nextLookAt'>) => void {
  const told = new Map<string, string>()
  const once = (about: string, text: string, tell: () => void): void => {
    if (told.get(about) !== text) tell()
    told.set(about, text)
  }
  return ({ results, error, nextLookAt }) => {
    for (const result of results) {
      const { name } = result.spec
      if (result.outcome === 'refused') once(name, result.error?.message ?? '', () => tellResult(result, log))
      else {
        told.delete(name)
        tellResult(result, log)
      }
    }
    if (error === undefined) told.delete('')
    else {
      const shown = shownError(error)
      once('', shown.message, () => log('error', 'look-failed', shown))
    }
    log('debug', 'looked', { nextLookAt: formatInstant(nextLookAt) })
  }
}

/** An error of any kind, as far as people are shown it. */
export function shownError(error: unknown): ShownError {
  const code = isAppError(error) ? error.code : 'ERR_INTERNAL'
  const hint = isAppError(error) ? error.hint : undefined
  return { code, message: messageOf(error), ...(hint !== undefined && { hint }) }
}

function tellResult(result: ApplyResult, log: Logger): void {
  const { spec, outcome, certificate, renewAt, targets, error, retryAt } = result
  const about: LogFields = {
    certificate: spec.name,
    ...(certificate && { notAfter: formatInstant(certificate.notAfter) }),
    ...(renewAt !== undefined && { renewAt: formatInstant(renewAt) }),
    ...(targets.length > 0 && { targets: targets.map(({ target }) => target) }),
  }
  if (outcome === 'issued')
    log('info', 'certificate-issued', { ...about, authority: certificate?.authority.id })
  if (outcome === 'deployed') log('info', 'certificate-delivered', about)
  if (error === undefined) return
  // What is tried again needs nobody yet, nor does a command that is at work on the same certificate.
  const passes = retryAt !== undefined || error.code === 'ERR_LOCKED'
  const level = outcome === 'failed' && passes ? 'warn' : 'error'
  const retry = retryAt === undefined ? {} : { retryAt: formatInstant(retryAt) }
  log(level, `certificate-${outcome}`, { ...about, ...shownError(error), ...retry })
}
