/** A directory with a throw-away certificate and the settings of a server in it. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { detectServer, type Installed } from '../../src/harden/detect.ts'
import { findServer, hardenedSettings } from '../../src/harden/harden.ts'
import type { HardenedSettings, HardeningOptions } from '../../src/harden/hardened-settings.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { requireProgram, runProgram } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

export type Site = AsyncDisposable & {
  readonly directory: string
  /** PEM, RSA 2048, so that the key exchange without forward secrecy would be possible. */
  readonly certificateFile: string
  readonly keyFile: string
  /** The settings, fitted to the server that is installed here. */
  readonly settings: HardenedSettings
  readonly settingsFile: string
  readonly installed: Installed
}

/** What the explanation of DHE says. */
const groupCommand = ['genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'dh_param:ffdhe2048']

/** Detects the server that is installed here and writes settings for it. */
export async function makeSite(
  name: string,
  options: HardeningOptions,
  { program, dhe = false }: { readonly program?: string | undefined; readonly dhe?: boolean } = {},
): Promise<Site> {
  const temporary = await tempDirectory()
  const directory = temporary.path
  const signal = AbortSignal.timeout(20_000)
  const installed = await detectServer(findServer(name), nodeRuntime(), { program, signal })
  const { version, library } = installed
  assert.ok(version, `the version of ${name} was not found`)
  assert.ok(library, `the library of ${name} was not found`)
  const dhFile = join(directory, 'ffdhe2048.pem')
  if (dhe) await writeFile(dhFile, await runToEnd('openssl', groupCommand))
  const wanted = { ...options, ...(dhe && { dhFile }) }
  const settings = hardenedSettings(name, { version, library, explain: true, ...wanted })
  const settingsFile = join(directory, 'settings.conf')
  await writeFile(settingsFile, settings.text)
  const certificateFile = join(directory, 'server.pem')
  const keyFile = join(directory, 'server.key')
  await runToEnd('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', keyFile, '-out', certificateFile],
  ])
  return {
    ...{ directory, certificateFile, keyFile, settings, settingsFile, installed },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}

/** Runs a program that has to succeed. */
export async function runToEnd(program: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(requireProgram(program), args)
  assert.equal(exitCode, 0, `${program} ${args.join(' ')}:\n${stdout}${stderr}`)
  return stdout
}
