/** `certwright tls grade HOST`: what a server agrees to, its grade, and what to change. */
import { resolve } from 'node:path'
import { AppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { StartTls } from '../../runtime/network.ts'
import { type GradedEndpoint, gradeEndpoint } from '../../tls-scan/grade.ts'
import { type Grade, isWorse } from '../../tls-scan/grades.ts'
import { type GradeTarget, parseGradeTarget } from '../../tls-scan/target.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { gradeJson } from '../grade-json.ts'
import { gradeText } from '../grade-text.ts'

export type GradeFlags = {
  readonly args: readonly string[]
  readonly serverName?: string
  readonly starttls?: StartTls
  readonly httpPort?: number
  readonly min?: Grade
}

/** Grades one server. Fails when it cannot be scanned, or is worse than `--min`. */
export async function tlsGrade(context: CommandContext, flags: GradeFlags): Promise<CommandResult> {
  const { globals, signal, runtime } = context
  const target = parseGradeTarget(flags.args[0] ?? '', {
    serverName: flags.serverName,
    startTls: flags.starttls,
  })
  const roots = await trustedRoots(context)
  const { address, others } = await reachable(target, context)
  const plainPort = target.port === 443 ? 80 : undefined
  const options = { roots, httpPort: flags.httpPort ?? plainPort, signal }
  const graded = await gradeEndpoint({ ...target, address }, options, runtime)
  const tooBad = flags.min !== undefined && isWorse(graded.rating.grade, flags.min)
  return {
    exitCode: tooBad ? exitCodes.failed : exitCodes.done,
    text: `${gradeText(graded, { color: globals.color, verbose: globals.verbose === true })}${otherAddresses(graded, others)}`,
    json: gradeJson(graded, { min: flags.min, otherAddresses: others }),
  }
}

async function trustedRoots({ globals: { trust }, runtime }: CommandContext): Promise<readonly string[]> {
  if (trust === undefined) return runtime.systemRoots()
  const path = resolve(trust)
  const refuse = (why: string, cause?: unknown) =>
    new AppError('ERR_USAGE', `--trust ${printable(path)}: ${why}`, {
      hint: 'give a PEM file with root certificates',
      cause,
    })
  const content = await runtime.files.read(path).catch(error => {
    throw refuse(printable(messageOf(error)), error)
  })
  if (content === undefined) throw refuse('there is no such file')
  // Bundles of systems hold hundreds, with words in between.
  const roots = new TextDecoder().decode(content).match(pemCertificate)
  if (roots === null) throw refuse('it holds no certificate')
  return roots
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Time for one address to take a connection. */
const reachTimeoutMs = 5_000

/** The first address that takes a connection: everything is asked of that one. */
async function reachable(
  { host, port }: GradeTarget,
  { runtime, signal }: CommandContext,
): Promise<{ readonly address: string; readonly others: readonly string[] }> {
  const addresses = await runtime.resolver.addresses(host, { signal })
  let failure: unknown = new AppError('ERR_NETWORK', `${printable(host)} has no address`, {
    hint: 'see that the name is spelled right',
  })
  for (const address of addresses) {
    try {
      using _ = await runtime.connectRaw(
        { host: address, port },
        { timeoutMs: reachTimeoutMs, maxBytes: 0, signal },
      )
      return { address, others: addresses.filter(one => one !== address) }
    } catch (error) {
      failure = error
      signal.throwIfAborted()
    }
  }
  throw failure
}

function otherAddresses({ target }: GradedEndpoint, others: readonly string[]): string {
  if (others.length === 0) return ''
  const name = target.serverName ?? target.host
  const shown = others.map(one => (one.includes(':') ? `[${one}]:${target.port}` : `${one}:${target.port}`))
  return `\nother addresses, each to be graded by itself: ${shown.join(', ')}\n  hint: certwright tls grade ${shown[0]} --server-name ${name}\n`
}
