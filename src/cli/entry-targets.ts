/** The targets of an entry that Certwright wrote itself. */
import { AppError } from '../base/errors.ts'
import { dropInPath, formatDropIn, readDropIn, writeDropIn } from '../manage/config/drop-in.ts'
import type { CertificateEntry } from '../manage/config/schema.ts'
import type { CertificateSpec, DeployTarget } from '../manage/spec.ts'
import type { CommandContext } from './command.ts'

type Context = Pick<CommandContext, 'place' | 'runtime'>
type Entry = NonNullable<CertificateEntry['deploy']>[number]

/**
 * Has renewals delivered to a target, too.
 * @returns whether the entry was changed, and what a person must do where it was not ours to change
 */
export async function addTarget(
  spec: CertificateSpec,
  target: DeployTarget,
  context: Context,
): Promise<{ readonly done: boolean; readonly remarks: readonly string[] }> {
  if (spec.deploy.some(({ name }) => name === target.name)) return { done: false, remarks: [] }
  if (await writeTargets(spec, [...spec.deploy, target], context)) return { done: true, remarks: [] }
  const line = `deploy: [${[...spec.deploy, target].map(({ name }) => name).join(', ')}]`
  return {
    done: false,
    remarks: [`renewals do not reload ${target.name} yet: add "${line}" to ${spec.name} in ${spec.source}`],
  }
}

/** Takes it out again. */
export async function removeTarget(
  spec: CertificateSpec,
  target: DeployTarget,
  context: Context,
): Promise<readonly string[]> {
  const rest = spec.deploy.filter(({ name }) => name !== target.name)
  if (rest.length === spec.deploy.length || (await writeTargets(spec, rest, context))) return []
  return [`take the target ${target.name} out of ${spec.name} in ${spec.source}, too`]
}

async function writeTargets(
  { name, source }: CertificateSpec,
  targets: readonly DeployTarget[],
  { place, runtime }: Context,
): Promise<boolean> {
  const path = dropInPath(place, name)
  if (source !== path) return false
  const earlier = await readDropIn(path, runtime)
  if (earlier === undefined) throw new AppError('ERR_CONFIG_READ', `${path} is gone`)
  const deploy = targets.map(entryOf)
  await writeDropIn(
    path,
    formatDropIn(name, { deploy: deploy.length === 0 ? undefined : deploy }, earlier),
    runtime,
  )
  return true
}

function entryOf({ name, options }: DeployTarget): Entry {
  return Object.keys(options).length === 0 ? name : { [name]: options }
}
