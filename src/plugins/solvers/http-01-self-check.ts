/** Looking at an http-01 response before the CA does. */
import { isAppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { SelfCheckResult, SolverChallenge } from '../../contracts/solver.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { challengeUrl } from './http-01.ts'
import { explainSighting, type Setup, type Verdict } from './http-01-explain.ts'
import { lookAt } from './http-01-look.ts'

/** More addresses than a name for a web server ever has; the rest is not looked at. */
const maxAddresses = 16

/**
 * Fetches the response at every address of the identifier and judges what comes back.
 * @throws AppError ERR_ABORTED
 */
export async function selfCheckHttp01(
  challenge: SolverChallenge,
  { signal, ...setup }: Setup & { readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'http' | 'resolver'>,
): Promise<SelfCheckResult> {
  const { identifier, token } = challenge
  let addresses: readonly string[]
  try {
    addresses =
      identifier.type === 'ip'
        ? [identifier.value]
        : await runtime.resolver.addresses(identifier.value, { signal })
  } catch (error) {
    if (!isAppError(error) || isAppError(error, 'ERR_ABORTED')) throw error
    return { outcome: 'unknown', text: printable(messageOf(error)) }
  }
  const url = challengeUrl(identifier, token, setup.port)
  const verdicts = await Promise.all(
    addresses.slice(0, maxAddresses).map(async (address): Promise<AddressVerdict> => {
      const sighting = await lookAt(url, address, { port: setup.port, signal }, runtime)
      return { address, verdict: explainSighting(sighting, challenge, setup) }
    }),
  )
  return combineVerdicts(verdicts, challenge, { ...setup, url })
}

/** What was found at one address. */
type AddressVerdict = { readonly address: string; readonly verdict: Verdict }

/**
 * One result for all addresses. The CA may pick any, most try IPv6 first: one wrong answer is a wrong result. Nothing
 * listening counts only when it is so everywhere: the CA goes on to the next address, and a firewall may refuse us alone.
 */
function combineVerdicts(
  verdicts: readonly AddressVerdict[],
  { identifier }: Pick<SolverChallenge, 'identifier'>,
  { port, webroot, url }: Setup & { readonly url: string },
): SelfCheckResult {
  const name = identifier.value
  if (verdicts.length === 0) {
    return {
      outcome: 'wrong',
      text: `${name} has no address in DNS`,
      hint: `add an A or AAAA record for ${name} that leads to this machine, and wait until it is public`,
    }
  }
  // The URL once: behind the first address only the others follow.
  const text = (...outcomes: readonly Verdict['outcome'][]): string =>
    outcomes
      .flatMap(outcome => verdicts.filter(({ verdict }) => verdict.outcome === outcome))
      .flatMap(({ verdict }) => ('text' in verdict ? verdict.text : []))
      .map((part, index) => (index === 0 ? part : part.replace(`${url} at `, '')))
      .join('; ')
  const [first] = verdicts.flatMap(({ verdict }) => (verdict.outcome === 'wrong' ? verdict : []))
  if (first !== undefined) {
    const hint = differByKind(verdicts)
      ? `IPv6 and IPv4 lead to different answers, and CAs try IPv6 first: correct the AAAA or A record, or make the ` +
        `server answer alike on both; ${first.hint}`
      : first.hint
    return { outcome: 'wrong', text: text('wrong'), hint }
  }
  if (verdicts.every(({ verdict }) => verdict.outcome === 'refused')) {
    const start =
      webroot === undefined
        ? `see that ${name} leads to this machine and that no firewall closes port ${port}`
        : `start the web server on port ${port}, and see that ${name} leads to this machine`
    return { outcome: 'wrong', text: text('refused'), hint: start }
  }
  const doubts = text('refused', 'unknown')
  return doubts === '' ? { outcome: 'visible' } : { outcome: 'unknown', text: doubts }
}

/** Whether one kind of address shows the response at all its addresses and the other does not. */
function differByKind(verdicts: readonly AddressVerdict[]): boolean {
  const visible = (wanted: boolean): boolean =>
    verdicts.some(({ address, verdict }) => address.includes(':') === wanted && verdict.outcome === 'visible')
  return (
    visible(true) !== visible(false) &&
    new Set(verdicts.map(({ address }) => address.includes(':'))).size === 2
  )
}
