/** One issuance, journaled: continued where an earlier process stopped, and never with a second order while the first can be used. */
import type { KeyObject } from 'node:crypto'
import { identifierKey } from '../../acme/identifier.ts'
import type { Order } from '../../acme/order.ts'
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { certificateId } from '../../x509/cert-id.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { createCsr, parseCsr } from '../../x509/csr.ts'
import { privateKeyPem, publicKeyDer } from '../../x509/key.ts'
import { parsePem } from '../../x509/pem.ts'
import { solverChoiceFor } from '../solver-rules.ts'
import type { CertificateSpec } from '../spec.ts'
import { saveGeneration } from '../store/generations.ts'
import { failedEntry, removeRun } from '../store/runs.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { checkCertificate } from './check-certificate.ts'
import { tidyUp } from './clean-up.ts'
import type { IssueOptions } from './issue-options.ts'
import { OrderInvalid, type Proof, type PursueOptions, pursueOrder } from './obtain.ts'
import { findOrCreateOrder } from './order.ts'
import { type Journal, openRun } from './run.ts'

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
  const { spec, onEvent } = options
  const solverFor = onePerChoice(options.solverFor)
  const journal = await openRun(state, { ...options, solverFor }, runtime)
  const tidy = () =>
    tidyUp(state, { name: spec.name, presented: journal.run().presented, solverFor, onEvent }, runtime)
  let stored: StoredCertificate
  try {
    stored = await runIssuance(state, journal, { ...options, solverFor }, runtime)
  } catch (error) {
    if (journal.run().presented.length > 0 && (await tidy())) journal.appendLater({ kind: 'cleaned' })
    // A cancelled run has not failed. A failure to write the failure must not hide it.
    if (isAppError(error) && error.code !== 'ERR_ABORTED')
      await journal.append(failedEntry(error)).catch(() => {})
    throw error
  }
  await tidy()
  await removeRun(state, spec.name, runtime)
  return stored
}

/** What a solver keeps open, such as a listener, only that solver can close. */
function onePerChoice(make: IssueOptions['solverFor']): IssueOptions['solverFor'] {
  const made = new Map<string, ReturnType<typeof make>>()
  return choice => {
    const key = JSON.stringify(choice)
    const solver = made.get(key) ?? make(choice)
    made.set(key, solver)
    return solver
  }
}

const mustStapleWarning =
  'must-staple: clients refuse this certificate whenever a server sends no fresh OCSP answer with it; most CAs have no OCSP any more, and some refuse the order'

async function runIssuance(
  state: string,
  journal: Journal,
  options: IssueOptions,
  runtime: IssueRuntime,
): Promise<StoredCertificate> {
  const { spec, client, onEvent, signal } = options
  const proofFor = await findProofs(journal, options)
  const roots = await readRoots(spec, runtime)
  const { csr, publicKey, ...ours } = requestFor(spec, journal)
  if (spec.mustStaple === true)
    onEvent({ certificate: spec.name, step: 'order', level: 'warning', text: mustStapleWarning })
  const { order, account, claim } = await findOrCreateOrder(journal, options, runtime.clock.now())
  const chain = await pursueOrder(
    client,
    account,
    {
      order,
      csr,
      proofFor,
      ...(spec.preferredChain !== undefined && { preferredChain: spec.preferredChain }),
      onStep: (step, text, progress) =>
        onEvent({ certificate: spec.name, step, level: 'step', text, ...progress }),
      onWarning: text => onEvent({ certificate: spec.name, step: 'challenge', level: 'warning', text }),
      signal,
    },
    runtime,
  ).catch(async (error: unknown) => {
    if (error instanceof OrderInvalid) await claim.failed(error.failed)
    throw error
  })
  await claim.issued()
  const leaf = checkCertificate(chain, {
    key: publicKey,
    identifiers: spec.identifiers,
    now: runtime.clock.now(),
    ...(roots && { roots }),
  })
  onEvent({ certificate: spec.name, step: 'storing', level: 'step', text: 'storing the certificate' })
  return saveGeneration(state, spec.name, { ...facts(leaf, spec, order), chain, ...ours }, runtime)
}

/** What the CA is sent, and the key in it: one made for this, or one that was made elsewhere. */
function requestFor(
  { identifiers, csr, mustStaple = false }: CertificateSpec,
  { key }: Journal,
): { readonly csr: Uint8Array; readonly publicKey: KeyObject; readonly privateKeyPem?: string } {
  if (csr !== undefined) return { csr: csr.der, publicKey: parseCsr(csr.der).publicKey }
  if (key === undefined) throw new TypeError('a run without a request of the user’s has a key')
  return {
    csr: createCsr(identifiers, key, { mustStaple }),
    publicKey: key,
    privateKeyPem: privateKeyPem(key),
  }
}

/** The solver of each identifier. That there is one, and that it can do it, is known before the CA is asked for anything. */
async function findProofs(
  journal: Journal,
  { spec, solverFor }: Pick<IssueOptions, 'spec' | 'solverFor'>,
): Promise<PursueOptions['proofFor']> {
  const byChoice = new Map<string, Proof>()
  const byIdentifier = new Map<string, Proof>()
  for (const identifier of spec.identifiers) {
    const choice = solverChoiceFor(spec, identifier)
    if (choice === undefined) {
      throw new AppError('ERR_CHALLENGE', `nothing says how to prove control over ${identifier.value}`, {
        hint: 'give --webroot DIR or --standalone, or set solvers: { http-01: { webroot: DIR } }',
      })
    }
    const key = JSON.stringify(choice)
    const proof = byChoice.get(key) ?? {
      solver: await solverFor(choice),
      selfCheck: choice.options['selfCheck'] !== false,
      onPresenting: provisions => journal.append({ kind: 'presenting', solver: choice, provisions }),
    }
    const refusal = proof.solver.refusal(identifier)
    if (refusal !== undefined) throw new AppError('ERR_CHALLENGE', `${identifier.value}: ${refusal}`)
    byChoice.set(key, proof)
    byIdentifier.set(identifierKey(identifier), proof)
  }
  return identifier => {
    const proof = byIdentifier.get(identifierKey(identifier))
    if (proof === undefined) throw new TypeError(`${identifier.value} was not ordered`)
    return proof
  }
}

async function readRoots(
  spec: CertificateSpec,
  { files }: IssueRuntime,
): Promise<readonly Certificate[] | undefined> {
  const path = spec.authority.rootsFile
  if (path === undefined) return undefined
  const refuse = (what: string, cause?: unknown) =>
    new AppError('ERR_CONFIG_READ', what, {
      cause,
      hint: 'roots: takes a PEM file with the roots that the certificates must lead to; without it any chain will do',
    })
  const content = await files.read(path).catch(error => {
    throw refuse(`cannot read the roots in ${path}: ${messageOf(error)}`, error)
  })
  if (content === undefined) throw refuse(`there is no file ${path} with the roots of ${spec.authority.id}`)
  try {
    return parsePem(new TextDecoder().decode(content), 'CERTIFICATE').map(parseCertificate)
  } catch (error) {
    throw refuse(`${path} does not hold the roots of ${spec.authority.id}: ${messageOf(error)}`, error)
  }
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
    publicKeyHash: sha256Hex(publicKeyDer(leaf.publicKey)),
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
