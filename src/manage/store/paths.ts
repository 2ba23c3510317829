/** Where things lie below the state directory. Names come from `parseSpecName` and authority ids only. */
import { temporaryPrefix } from '../../runtime/files.ts'
import type { SpecName } from '../spec.ts'

/** Only the owner may look into the state: it holds private keys. */
export const stateDirectoryMode = 0o700
export const privateFileMode = 0o600
export const publicFileMode = 0o644

/** Names of the files in a generation, as every tutorial spells them. */
export const certificateFiles = [
  'cert.pem',
  'chain.pem',
  'fullchain.pem',
  'privkey.pem',
  'combined.pem',
] as const
/** Those that have the private key in them. */
export const privateFiles: readonly CertificateFile[] = ['privkey.pem', 'combined.pem']
export type CertificateFile = (typeof certificateFiles)[number]

export const accountsPath = (state: string) => `${state}/accounts`
export const accountPath = (state: string, authority: string) => `${state}/accounts/${authority}`
export const certificatesPath = (state: string) => `${state}/certificates`
export const generationsPath = (state: string, name: SpecName) => `${state}/certificates/${name}`
export const generationPath = (state: string, name: SpecName, id: string) =>
  `${state}/certificates/${name}/${id}`
/** Where a generation lies while it is removed. */
export const removedGenerationPath = (state: string, name: SpecName, id: string) =>
  `${state}/${temporaryPrefix}removed-${name}-${id}`
export const livePath = (state: string, name: SpecName) => `${state}/live/${name}`
export const runsDirectory = (state: string) => `${state}/runs`
export const runsPath = (state: string, name: SpecName) => `${state}/runs/${name}`
// No certificate has a name that begins with a dot.
export const endedRunPath = (state: string, name: SpecName) =>
  `${runsDirectory(state)}/${temporaryPrefix}ended-${name}`
export const leftOversPath = (state: string, name: SpecName) => `${state}/runs/.left-over-${name}.json`
export const deploymentsPath = (state: string, name: SpecName) => `${state}/deployments/${name}.json`
export const renewalsPath = (state: string) => `${state}/renewals`
export const renewalPath = (state: string, name: SpecName) => `${state}/renewals/${name}.json`
export const attemptsDirectory = (state: string) => `${state}/attempts`
export const attemptsPath = (state: string, name: SpecName) => `${state}/attempts/${name}.json`
export const hooksDirectory = (state: string) => `${state}/hooks`
export const hooksPath = (state: string, name: SpecName) => `${state}/hooks/${name}.json`
export const installsDirectory = (state: string) => `${state}/installs`
/** No server's name has a dot in it. */
export const installPath = (state: string, server: string, name: SpecName) =>
  `${state}/installs/${server}.${name}.json`
export const historyDirectory = (state: string) => `${state}/history`
export const historyPath = (state: string, name: SpecName) => `${state}/history/${name}.json`
export const lockPath = (state: string, name: string) => `${state}/locks/${name}.lock`
export const embeddedAuthorityPath = (state: string) => `${state}/ca`
