/** One issuance, journaled: continued where an earlier process stopped, and never with a second order while the first can be used. */
import type { KeyObject } from 'node:crypto'
import { sameIdentifiers } from '../../acme/identifier.ts'
import type { Order } from '../../acme/order.ts'
import { AcmeProblemError, isProblemError } from '../../acme/problem.ts'
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import type { AccountKey, AcmeClient } from '../../client/client.ts'
import type { Solver } from '../../contracts/solver.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { certificateId } from '../../x509/cert-id.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { createCsr } from '../../x509/csr.ts'
import { generateKey, parsePrivateKeyPem, privateKeyPem } from '../../x509/key.ts'
import { parsePem } from '../../x509/pem.ts'
import type { OnEvent } from '../events.ts'
import { type CertificateView, newest } from '../observe/observation.ts'
import type { CertificateSpec, SolverChoice } from '../spec.ts'
import { corrupt, storeStep } from '../store/documents.ts'
import { saveGeneration } from '../store/generations.ts'
import { generationPath } from '../store/paths.ts'
import {
  appendEntry,
  failedEntry,
  type JournalEntry,
  type RunIntent,
  type RunState,
  readRunKey,
  removeRun,
  saveRunKey,
} from '../store/runs.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { checkCertificate } from './check-certificate.ts'
import { cleanUp, obtainCertificate } from './obtain.ts'

export type IssueOptions = {
  readonly spec: CertificateSpec
  readonly view: CertificateView
  readonly client: AcmeClient
  /** The account to order with; asked again with the error when the CA does not know it. */
  readonly account: (lost?: unknown) => Promise<AccountKey>
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

type IssueRuntime = Pick<Runtime, 'files' | 'clock' | 'random'>

/**
 * Obtains a certificate and stores it as a new generation, not yet live. The caller holds the lock of the certificate.
 * @throws AppError what failed; it is in the journal too, and the next call continues from there
 */
export async function issueCertificate(
  state: string,
  options: IssueOptions,
  runtime: IssueRuntime,
): Promise<StoredCertificate> {
  const journal = await openRun(state, options, runtime)
  try {
    return await runIssuance(state, journal, options, runtime)
  } catch (error) {
    // A cancelled run has not failed. A failure to write the failure must not hide it.
    if (isAppError(error) && error.code !== 'ERR_ABORTED')
      await journal.append(failedEntry(error)).catch(() => {})
    throw error
  }
}

type Journal = {
  readonly run: () => RunState
  readonly append: (entry: JournalEntry) => Promise<void>
  readonly key: KeyObject
}

/** Continues the run that is on disk if it is after the same thing; otherwise tidies up after it and opens a new one. */
async function openRun(
  state: string,
  { spec, view, solverFor, onEvent }: IssueOptions,
  runtime: IssueRuntime,
): Promise<Journal> {
  const intent: RunIntent = {
    identifiers: spec.identifiers,
    keyType: spec.keyType,
    authority: spec.authority.id,
    ...(spec.profile !== undefined && { profile: spec.profile }),
  }
  let run = view.run
  const append = async (entry: JournalEntry) => {
    run = await appendEntry(state, spec.name, run, entry, runtime)
  }
  const onWarning = (text: string) =>
    onEvent({ certificate: spec.name, step: 'challenge', level: 'warning', text })
  for (const { solver, provisions } of run?.presented ?? []) {
    await cleanUp(await solverFor(solver), provisions, {
      onWarning,
      onCleaned: () => append({ kind: 'cleaned' }),
    })
  }
  const pem = run === undefined ? undefined : await readRunKey(state, spec.name, runtime)
  if (run !== undefined && pem !== undefined && canContinue(run, intent)) {
    return { run: () => current(run), append, key: parsePrivateKeyPem(pem) }
  }
  await removeRun(state, spec.name, runtime)
  run = undefined
  await append({ kind: 'opened', intent })
  const reused = spec.reuseKey ? await reusableKey(state, spec, view, runtime) : undefined
  const key = reused ?? (await generateKey(spec.keyType))
  await saveRunKey(state, spec.name, privateKeyPem(key), runtime)
  return { run: () => current(run), append, key }
}

function current(run: RunState | undefined): RunState {
  if (run === undefined) throw new TypeError('the run has not been opened')
  return run
}

function canContinue({ intent, failure }: RunState, wanted: RunIntent): boolean {
  // An order that led to a wrong certificate would lead there again.
  if (failure?.code === 'ERR_CERTIFICATE_MISMATCH') return false
  return (
    sameIdentifiers(intent.identifiers, wanted.identifiers) &&
    intent.keyType === wanted.keyType &&
    intent.authority === wanted.authority &&
    intent.profile === wanted.profile
  )
}

async function reusableKey(
  state: string,
  spec: CertificateSpec,
  view: CertificateView,
  { files }: IssueRuntime,
): Promise<KeyObject | undefined> {
  const stored = newest(view)
  // A revoked certificate may have been revoked for its key.
  if (stored === undefined || stored.keyType !== spec.keyType || stored.revokedAt !== undefined)
    return undefined
  const path = `${generationPath(state, spec.name, stored.generation)}/privkey.pem`
  const content = await storeStep(`read ${path}`, () => files.read(path))
  if (content === undefined) throw corrupt(path, 'it is missing')
  return parsePrivateKeyPem(new TextDecoder().decode(content))
}

async function runIssuance(
  state: string,
  journal: Journal,
  options: IssueOptions,
  runtime: IssueRuntime,
): Promise<StoredCertificate> {
  const { spec, client, solverFor, onEvent, signal } = options
  const choice = spec.solver
  if (choice === undefined) {
    throw new AppError('ERR_CHALLENGE', `nothing says how to prove control over ${spec.name}`, {
      hint: 'give --webroot DIR or --standalone, or set solvers: { http-01: { webroot: DIR } }',
    })
  }
  const solver = await solverFor(choice)
  for (const identifier of spec.identifiers) {
    const refusal = solver.refusal(identifier)
    if (refusal !== undefined) throw new AppError('ERR_CHALLENGE', `${identifier.value}: ${refusal}`)
  }
  const { order, account } = await findOrCreateOrder(journal, options)
  const chain = await obtainCertificate(
    client,
    account,
    {
      order,
      csr: createCsr(spec.identifiers, journal.key),
      solver,
      selfCheck: choice.options['selfCheck'] !== false,
      onPresenting: provisions => journal.append({ kind: 'presenting', solver: choice, provisions }),
      onCleaned: () => journal.append({ kind: 'cleaned' }),
      onStep: (step, text, progress) =>
        onEvent({ certificate: spec.name, step, level: 'step', text, ...progress }),
      onWarning: text => onEvent({ certificate: spec.name, step: 'challenge', level: 'warning', text }),
      signal,
    },
    runtime,
  )
  const roots = await readRoots(spec, runtime)
  const leaf = checkCertificate(chain, {
    key: journal.key,
    identifiers: spec.identifiers,
    now: runtime.clock.now(),
    ...(roots && { roots }),
  })
  const stored = await saveGeneration(
    state,
    spec.name,
    { ...facts(leaf, spec, order), chain, privateKeyPem: privateKeyPem(journal.key) },
    runtime,
  )
  await removeRun(state, spec.name, runtime)
  return stored
}

async function findOrCreateOrder(
  journal: Journal,
  options: IssueOptions,
): Promise<{ readonly order: Order; readonly account: AccountKey }> {
  const { spec, client, signal, onEvent } = options
  let account = await options.account()
  const { orderUrl } = journal.run()
  if (orderUrl !== undefined) {
    const earlier = await readUsableOrder(client, account, orderUrl, signal)
    if (earlier !== undefined) {
      onEvent({
        certificate: spec.name,
        step: 'order',
        level: 'step',
        text: `continuing the order of an earlier run (${earlier.status})`,
      })
      return { order: earlier, account }
    }
  }
  onEvent({
    certificate: spec.name,
    step: 'order',
    level: 'step',
    text: `ordering for ${spec.identifiers.length} identifier${spec.identifiers.length === 1 ? '' : 's'}`,
  })
  let order: Order
  try {
    order = await createOrder(account, options)
  } catch (error) {
    if (!isProblemError(error, 'accountDoesNotExist')) throw error
    account = await options.account(error)
    order = await createOrder(account, options)
  }
  await journal.append({ kind: 'order-created', orderUrl: order.url })
  return { order, account }
}

/** An order that can still lead to a certificate; `undefined` where the CA has lost it or it has ended. */
async function readUsableOrder(
  client: AcmeClient,
  account: AccountKey,
  url: Order['url'],
  signal: AbortSignal,
): Promise<Order | undefined> {
  try {
    const { order } = await client.readOrder(account, url, { signal })
    return order.status === 'invalid' ? undefined : order
  } catch (error) {
    // Only the CA's own "no" means that the order is gone; an outage must not lead to a second one.
    if (isProblemError(error, 'malformed', 'unauthorized', 'accountDoesNotExist')) return undefined
    if (error instanceof AcmeProblemError && error.problem.status === 404) return undefined
    throw error
  }
}

async function createOrder(
  account: AccountKey,
  { spec, view, client, onEvent, signal }: IssueOptions,
): Promise<Order> {
  const request = {
    identifiers: spec.identifiers,
    ...(spec.profile !== undefined && { profile: spec.profile }),
  }
  const replaced = newest(view)
  const { renewalInfo } = await client.directory({ signal })
  const replaces =
    renewalInfo !== undefined && replaced?.authority.id === spec.authority.id
      ? replaced.certificateId
      : undefined
  if (replaces === undefined) return (await client.newOrder(account, request, { signal })).order
  try {
    return (await client.newOrder(account, { ...request, replaces }, { signal })).order
  } catch (error) {
    // RFC 9773 §5: the order stands on its own; being told what it replaces is the CA's privilege, not its condition.
    if (!isProblemError(error, 'alreadyReplaced', 'conflict', 'malformed')) throw error
    onEvent({
      certificate: spec.name,
      step: 'order',
      level: 'warning',
      text: `ordering without naming the predecessor: ${messageOf(error)}`,
    })
    return (await client.newOrder(account, request, { signal })).order
  }
}

async function readRoots(
  spec: CertificateSpec,
  { files }: IssueRuntime,
): Promise<readonly Certificate[] | undefined> {
  const path = spec.authority.rootsFile
  if (path === undefined) return undefined
  const content = await files.read(path).catch(error => {
    throw new AppError('ERR_CONFIG_READ', `cannot read the roots in ${path}: ${messageOf(error)}`, {
      cause: error,
    })
  })
  if (content === undefined)
    throw new AppError('ERR_CONFIG_READ', `there is no file ${path} with the roots of ${spec.authority.id}`)
  return parsePem(new TextDecoder().decode(content), 'CERTIFICATE').map(parseCertificate)
}

function facts(
  leaf: Certificate,
  spec: CertificateSpec,
  order: Order,
): Omit<StoredCertificate, 'generation' | 'storedAt' | 'files'> {
  const { id, directory } = spec.authority
  return {
    identifiers: leaf.identifiers,
    keyType: spec.keyType,
    authority: { id, directory },
    ...(spec.profile !== undefined && { profile: spec.profile }),
    orderUrl: order.url,
    issuer: leaf.issuer,
    serialNumber: Buffer.from(leaf.serialNumber).toString('hex'),
    fingerprint: leaf.fingerprint,
    ...(leaf.authorityKeyIdentifier !== undefined && { certificateId: certificateId(leaf) }),
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
  }
}
