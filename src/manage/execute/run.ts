/** Opening the journal of an issuance, and the key that it made. */
import type { KeyObject } from 'node:crypto'
import { problemPrefix } from '../../acme/problem.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { generateKey, parsePrivateKeyPem, privateKeyPem, publicKeyDer } from '../../x509/key.ts'
import { parsePem } from '../../x509/pem.ts'
import { newest } from '../observe/observation.ts'
import { intentOf, type RunIntent, sameIntent } from '../run-intent.ts'
import type { CertificateSpec, SpecName } from '../spec.ts'
import { corrupt, storeStep } from '../store/documents.ts'
import { generationPath } from '../store/paths.ts'
import {
  appendEntry,
  type JournalEntry,
  type RunState,
  readRunKey,
  removeRun,
  saveRunKey,
  setRunAside,
} from '../store/runs.ts'
import { hasPrivateKey } from '../store/stored-certificate.ts'
import { tidyUp } from './clean-up.ts'
import type { IssueOptions } from './issue-options.ts'

type OpenRuntime = Pick<Runtime, 'files' | 'clock' | 'random'>

/** The journal of one issuance while it is written. */
export type Journal = {
  readonly run: () => RunState
  readonly append: (entry: JournalEntry) => Promise<void>
  /** Keeps an entry until the next one is written, where losing it costs no more than a repetition. */
  readonly appendLater: (entry: JournalEntry) => void
  /** The key that was made for it; absent where the request, and so the key, was made elsewhere. */
  readonly key?: KeyObject
}

/** Continues the run that is on disk if it is after the same thing; otherwise tidies up after it and opens a new one. */
export async function openRun(
  state: string,
  { spec, view, solverFor, onEvent }: Pick<IssueOptions, 'spec' | 'view' | 'solverFor' | 'onEvent'>,
  runtime: OpenRuntime,
): Promise<Journal> {
  const intent = intentOf(spec)
  let run = view.run
  let waiting: readonly JournalEntry[] = []
  const append = async (entry: JournalEntry) => {
    const entries = [...waiting, entry]
    waiting = []
    for (const next of entries) run = await appendEntry(state, spec.name, run, next, runtime)
  }
  const appendLater = (entry: JournalEntry) => {
    waiting = [...waiting, entry]
  }
  const opened = { run: () => current(run), append, appendLater }
  const ownKey = spec.csr === undefined
  const kept = run === undefined || !ownKey ? undefined : await readKey(state, spec, runtime)
  const isUnfit = async (key: KeyObject) => wasRefused(view.run) || wasRevoked(state, key, view, runtime)
  const isKeyGood = kept === undefined ? !ownKey : !(await isUnfit(kept))
  if (run !== undefined && isKeyGood && canContinue(run, intent)) {
    // What it presented stays in place: the CA may be looking at it.
    return kept === undefined ? opened : { ...opened, key: kept }
  }
  const useless = run ?? view.endedRun
  // A journal that cannot be read is kept for a person to look at.
  if (useless === undefined) await setRunAside(state, spec.name, runtime)
  else {
    await tidyUp(state, { name: spec.name, presented: useless.presented, solverFor, onEvent }, runtime)
    await removeRun(state, spec.name, runtime)
  }
  run = undefined
  await append({ kind: 'opened', intent })
  if (!ownKey) return opened
  const reused = spec.reuseKey ? await reusableKey(state, spec, view, runtime) : undefined
  const isReused = reused !== undefined && !(await isUnfit(reused))
  const key = isReused ? reused : await generateKey(spec.keyType)
  await saveRunKey(state, spec.name, privateKeyPem(key), runtime)
  return { ...opened, key }
}

// Without a key that can be read the order is of no use: a new run makes a new one.
async function readKey(
  state: string,
  { name }: CertificateSpec,
  runtime: OpenRuntime,
): Promise<KeyObject | undefined> {
  const pem = await readRunKey(state, name, runtime)
  try {
    return pem === undefined ? undefined : parsePrivateKeyPem(pem)
  } catch {
    return undefined
  }
}

function current(run: RunState | undefined): RunState {
  if (run === undefined) throw new TypeError('the run has not been opened')
  return run
}

function canContinue({ intent, failure }: RunState, wanted: RunIntent): boolean {
  // An order that led to a wrong certificate would lead there again.
  if (failure?.code === 'ERR_CERTIFICATE_MISMATCH') return false
  return sameIntent(intent, wanted)
}

/** Whether the CA takes no certificate request with this run's key. */
function wasRefused(run: RunState | undefined): boolean {
  return run?.failure?.problem === `${problemPrefix}badPublicKey`
}

/** Whether a certificate with this key was revoked, which may have been for the key. */
async function wasRevoked(
  state: string,
  key: KeyObject,
  { name, generations }: IssueOptions['view'],
  runtime: OpenRuntime,
): Promise<boolean> {
  const revoked = generations.filter(({ revokedAt }) => revokedAt !== undefined)
  for (const { generation, publicKeyHash } of revoked) {
    const hash = publicKeyHash ?? keyHash(await readLeafKey(state, name, generation, runtime))
    if (hash === keyHash(key)) return true
  }
  return false
}

async function readLeafKey(
  state: string,
  name: SpecName,
  generation: string,
  runtime: OpenRuntime,
): Promise<KeyObject> {
  const path = `${generationPath(state, name, generation)}/cert.pem`
  const [der] = parsePem(await readText(path, runtime), 'CERTIFICATE')
  if (der === undefined) throw corrupt(path, 'there is no certificate in it')
  return parseCertificate(der).publicKey
}

function keyHash(key: KeyObject): string {
  return sha256Hex(publicKeyDer(key))
}

async function readText(path: string, { files }: OpenRuntime): Promise<string> {
  const content = await storeStep(`read ${path}`, () => files.read(path))
  if (content === undefined) throw corrupt(path, 'it is missing')
  return new TextDecoder().decode(content)
}

async function reusableKey(
  state: string,
  spec: CertificateSpec,
  view: IssueOptions['view'],
  runtime: OpenRuntime,
): Promise<KeyObject | undefined> {
  const stored = newest(view)
  if (stored === undefined || stored.keyType !== spec.keyType) return undefined
  if (!hasPrivateKey(stored)) return undefined // it is elsewhere
  const path = `${generationPath(state, spec.name, stored.generation)}/privkey.pem`
  return parsePrivateKeyPem(await readText(path, runtime))
}
