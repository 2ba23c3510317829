/** Opening the journal of an issuance, and the key that it made. */
import type { KeyObject } from 'node:crypto'
import type { Runtime } from '../../runtime/runtime.ts'
import { generateKey, parsePrivateKeyPem, privateKeyPem } from '../../x509/key.ts'
import { newest } from '../observe/observation.ts'
import { intentOf, type RunIntent, sameIntent } from '../run-intent.ts'
import type { CertificateSpec } from '../spec.ts'
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
  if (run !== undefined && (kept !== undefined || !ownKey) && canContinue(run, intent)) {
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
  const key = reused ?? (await generateKey(spec.keyType))
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

async function reusableKey(
  state: string,
  spec: CertificateSpec,
  view: IssueOptions['view'],
  { files }: OpenRuntime,
): Promise<KeyObject | undefined> {
  const stored = newest(view)
  // A revoked certificate may have been revoked for its key.
  if (stored === undefined || stored.keyType !== spec.keyType || stored.revokedAt !== undefined)
    return undefined
  if (!hasPrivateKey(stored)) return undefined // it is elsewhere
  const path = `${generationPath(state, spec.name, stored.generation)}/privkey.pem`
  const content = await storeStep(`read ${path}`, () => files.read(path))
  if (content === undefined) throw corrupt(path, 'it is missing')
  return parsePrivateKeyPem(new TextDecoder().decode(content))
}
