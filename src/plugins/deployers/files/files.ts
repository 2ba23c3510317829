/** Copies of a certificate in files of their own, for servers that cannot read `live/<name>` or want another format. */
import { isWildcard } from '../../../acme/identifier.ts'
import { AppError, messageOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate, Deployer, Endpoint } from '../../../contracts/deployer.ts'
import { type FilesTarget, holdsKey, type WantedFile, wantedFiles } from '../../../contracts/files-target.ts'
import { readSecret } from '../../../contracts/secret.ts'
import { parseEndpoint } from '../../../runtime/endpoint-text.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { PreparedFiles, TargetFile } from '../../../runtime/target-files.ts'
import { type CertificateParts, formatCertificate } from '../formats/format.ts'
import { numberOf } from '../server/owner.ts'
import { readParts } from '../server/read-parts.ts'
import { runOrFail } from '../server/run-program.ts'

type FilesRuntime = Pick<Runtime, 'exec' | 'files' | 'targetFiles' | 'environment'>

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
      if (program !== undefined) await runOrFail(program, args, runtime, { signal })
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
  const parts = await readParts(directory, { keyIsElsewhere }, runtime)
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
