/** Copies of a certificate in files of their own, for servers that cannot read `live/<name>` or want another format. */
import { isWildcard } from '../../../acme/identifier.ts'
import { AppError, isAppError, messageOf } from '../../../base/errors.ts'
import { minuteMs } from '../../../base/instant.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate, Deployer, Endpoint } from '../../../contracts/deployer.ts'
import {
  type FilesTarget,
  holdsKey,
  parseEndpoint,
  type WantedFile,
  wantedFiles,
} from '../../../contracts/files-target.ts'
import { readSecret } from '../../../contracts/secret.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { PreparedFiles, TargetFile } from '../../../runtime/target-files.ts'
import { type CertificateParts, formatCertificate } from '../formats/format.ts'
import { numberOf } from './owner.ts'

type FilesRuntime = Pick<Runtime, 'exec' | 'files' | 'targetFiles' | 'environment'>

/** How long a program may take that makes servers read the files. */
const reloadTimeoutMs = minuteMs
/** What is shown of its output. */
const maxComplaint = 400

/** A deployer for one set of files. */
export function createFilesDeployer(target: FilesTarget, runtime: FilesRuntime): Deployer {
  const files = wantedFiles(target)
  return {
    name: 'files',
    // The usual five are those that can be had.
    needsKey: target.write !== undefined && files.some(({ format }) => holdsKey(format)),
    inspect: async certificate => {
      const endpoints = endpointsOf(target, certificate)
      const note = 'no endpoints are configured, so whether a server uses the files is not looked at'
      return { state: 'ready', endpoints, notes: endpoints.length === 0 ? [note] : [] }
    },
    prepare: (certificate, options) => prepare(target, certificate, options, runtime),
    activate: async ({ signal }) => {
      const [program, ...args] = target.reload ?? []
      if (program !== undefined) await reload(program, args, runtime, { signal })
    },
  }
}

function endpointsOf(
  { endpoints = [], 'server-name': serverName, ...target }: FilesTarget,
  { identifiers }: DeployableCertificate,
): readonly Endpoint[] {
  const named = identifiers.find(one => one.type === 'dns' && !isWildcard(one))?.value
  const wild = identifiers.find(isWildcard)?.value.replace('*', 'www')
  const source = wantedFiles(target)[0]?.path ?? ''
  return endpoints.flatMap(endpoint => {
    const address = parseEndpoint(endpoint)
    return address === undefined ? [] : [{ ...address, serverName: serverName ?? named ?? wild, source }]
  })
}

async function prepare(
  target: FilesTarget,
  { name, keyIsElsewhere = false }: DeployableCertificate,
  { directory, signal }: { readonly directory: string; readonly signal: AbortSignal },
  runtime: FilesRuntime,
): Promise<PreparedFiles> {
  const parts: CertificateParts = {
    cert: await readPart(`${directory}/cert.pem`, runtime),
    chain: await readPart(`${directory}/chain.pem`, runtime),
    key: keyIsElsewhere ? '' : await readPart(`${directory}/privkey.pem`, runtime),
  }
  const wanted = wantedFiles(target).filter(({ format }) => !keyIsElsewhere || !holdsKey(format))
  const files: TargetFile[] = []
  for (const file of wanted) {
    const { path, mode, owner, group } = file
    const password = file.password === undefined ? '' : await readSecret(file.password, runtime)
    files.push({
      path,
      mode,
      content: format(file, parts, { alias: file.alias ?? name, password }),
      ...(owner !== undefined && { uid: await numberOf('user', owner, runtime, { signal }) }),
      ...(group !== undefined && { gid: await numberOf('group', group, runtime, { signal }) }),
    })
  }
  const { directory: makeDirectory } = target
  return runtime.targetFiles.prepare(files, makeDirectory === undefined ? {} : { makeDirectory })
}

function format(
  { format: wanted, path }: WantedFile,
  parts: CertificateParts,
  options: { readonly alias: string; readonly password: string },
): Uint8Array {
  try {
    return formatCertificate(wanted, parts, options)
  } catch (cause) {
    throw new AppError('ERR_DEPLOY', `cannot make ${printable(path)}: ${messageOf(cause)}`, { cause })
  }
}

async function readPart(path: string, { files }: Pick<FilesRuntime, 'files'>): Promise<string> {
  const refuse = (what: string, cause?: unknown) =>
    new AppError('ERR_DEPLOY', `cannot read ${path}: ${what}`, { cause })
  const content = await files.read(path).catch(error => {
    throw refuse(messageOf(error), error)
  })
  if (content === undefined) throw refuse('it is not there')
  return new TextDecoder().decode(content)
}

async function reload(
  program: string,
  args: readonly string[],
  { exec }: Pick<FilesRuntime, 'exec'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const command = printable([program, ...args].join(' '))
  const result = await exec(program, args, { timeoutMs: reloadTimeoutMs, trustedOnly: true, signal }).catch(
    (cause: unknown) => {
      if (!isAppError(cause, 'ERR_EXEC')) throw cause
      throw new AppError('ERR_DEPLOY', messageOf(cause), { hint: cause.hint, cause })
    },
  )
  if (result.exitCode === 0) return
  const said = printable((result.stderr.trim() || result.stdout.trim()).slice(-maxComplaint))
  const ending =
    result.exitCode === undefined ? 'was ended by a signal' : `ended with exit code ${result.exitCode}`
  throw new AppError('ERR_DEPLOY', `"${command}" ${ending}${said && `: ${said}`}`, {
    hint: 'run it by hand as the user that runs certwright, and see what it says',
  })
}
