/** Answering a challenge that nobody set: by the real solver, at the real place, looked at the way the CA will. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { type AppError, isAppError } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import type { Provision, Solver, SolverChallenge } from '../../contracts/solver.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { OnEvent } from '../events.ts'
import { tidyUp } from '../execute/clean-up.ts'
import { solverChoiceFor } from '../solver-rules.ts'
import type { CertificateSpec, SolverChoice } from '../spec.ts'
import { readLeftOvers, writeLeftOvers } from '../store/left-overs.ts'
import { takeLock } from '../store/locks.ts'
import { type Finding, failure, finding } from './finding.ts'

/** Looks under way at once. */
const concurrency = 10
/** Whoever holds the lock does the same thing for real. */
const lockWaitMs = 5 * secondMs
/** As long as the tokens and digests of CAs (RFC 8555 §8.1). */
const tokenLength = 43

export type ChallengesOptions = {
  readonly spec: CertificateSpec
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

type ChallengesRuntime = Pick<Runtime, 'files' | 'random' | 'clock' | 'tryLock'>

/**
 * Tries the solver of each identifier. What is put somewhere is written down before, and taken away again; where this
 * process is killed in between, by the next issuance.
 * @throws AppError ERR_STORE, ERR_ABORTED
 */
export async function checkChallenges(
  state: string,
  options: ChallengesOptions,
  runtime: ChallengesRuntime,
): Promise<readonly Finding[]> {
  const { spec, signal } = options
  const findings: Finding[] = []
  const attempts = new Map<string, Attempt>()
  for (const identifier of spec.identifiers) {
    const choice = solverChoiceFor(spec, identifier)
    if (choice === undefined) {
      const text = `nothing says how to prove control over ${identifier.value}`
      findings.push(finding('challenge', 'failed', text, 'set solvers: { http-01: { webroot: DIR } }'))
      continue
    }
    const key = JSON.stringify(choice)
    const attempt = attempts.get(key) ?? { choice, solver: await options.solverFor(choice), challenges: [] }
    const refusal = attempt.solver.refusal(identifier)
    if (refusal !== undefined) {
      findings.push(finding('challenge', 'failed', `${identifier.value}: ${refusal}`))
      continue
    }
    const token = runtime.random.id(tokenLength)
    attempt.challenges.push({
      identifier,
      token,
      keyAuthorization: `${token}.${runtime.random.id(tokenLength)}`,
    })
    attempts.set(key, attempt)
  }
  if (attempts.size === 0) return findings
  const about = { about: `check ${spec.name}`, waitMs: lockWaitMs, signal }
  try {
    await using _lock = await takeLock(state, `certificate-${spec.name}`, about, runtime)
    for (const attempt of attempts.values())
      findings.push(...(await tryOne(state, attempt, options, runtime)))
  } catch (error) {
    if (!isAppError(error, 'ERR_LOCKED')) throw error
    findings.push(finding('challenge', 'skipped', error.message, error.hint))
  }
  return findings
}

type Attempt = {
  readonly choice: SolverChoice
  readonly solver: Solver
  readonly challenges: SolverChallenge[]
}

async function tryOne(
  state: string,
  { choice, solver, challenges }: Attempt,
  { spec: { name }, solverFor, onEvent, signal }: ChallengesOptions,
  { files }: Pick<ChallengesRuntime, 'files'>,
): Promise<readonly Finding[]> {
  try {
    const provisions = await Promise.all(challenges.map(challenge => solver.provision(challenge)))
    await noteProvisions(state, { name, choice, provisions }, { files })
    await mapConcurrently(provisions, concurrency, provision => solver.present(provision, { signal }))
    return await mapConcurrently(challenges, concurrency, challenge => lookAt(challenge, solver, signal))
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return [failure('challenge', inNames(error, challenges))]
  } finally {
    await tidyUp(state, { name, presented: [], solverFor, onEvent }, { files })
  }
}

async function noteProvisions(
  state: string,
  {
    name,
    choice,
    provisions,
  }: {
    readonly name: CertificateSpec['name']
    readonly choice: SolverChoice
    readonly provisions: readonly Provision[]
  },
  { files }: Pick<ChallengesRuntime, 'files'>,
): Promise<void> {
  const earlier = await readLeftOvers(state, name, { files }).catch((error: unknown) => {
    if (isAppError(error, 'ERR_STORE_CORRUPT')) return []
    throw error
  })
  await writeLeftOvers(state, name, [...(earlier ?? []), { solver: choice, provisions }], { files })
}

async function lookAt(challenge: SolverChallenge, solver: Solver, signal: AbortSignal): Promise<Finding> {
  const name = challenge.identifier.value
  if (solver.selfCheck === undefined) {
    const text = `${name}: ${solver.type} can be put in place; whether it can be seen is not looked at (self-check: false)`
    return finding('challenge', 'skipped', text)
  }
  const result = await solver.selfCheck(challenge, { signal })
  switch (result.outcome) {
    case 'visible':
      return finding('challenge', 'ok', `${name}: ${solver.type} is seen as the CA will look for it`)
    case 'unknown':
      return finding('challenge', 'warning', `${name}: could not be looked at from here: ${result.text}`)
    case 'wrong':
      return finding('challenge', 'failed', `${name}: ${result.text}`, result.hint)
    default:
      return result satisfies never
  }
}

function inNames(
  { message, hint }: AppError,
  challenges: readonly SolverChallenge[],
): { readonly message: string; readonly hint: string | undefined } {
  const [first, ...rest] = challenges.map(({ identifier }) => identifier.value)
  return { message: `${first ?? ''}${rest.length > 0 ? ` and ${rest.length} more` : ''}: ${message}`, hint }
}
