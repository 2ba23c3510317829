/** Where certificates go, from checked configuration files. Pure. */
import { type FileOptions, hasFiles, wantedFiles } from '../../contracts/files-target.ts'
import type { Json } from '../../contracts/solver.ts'
import type { TargetEntry } from '../../contracts/target-options.ts'
import { type CertificateSpec, type DeployTarget, type SpecName, targetName } from '../spec.ts'

type Report = (path: readonly (string | number)[], text: string, hint?: string) => void

/** The target of an entry, with its options as the plugin takes them. */
export function readTarget(entry: TargetEntry): DeployTarget {
  if (typeof entry === 'string') return { name: entry, options: {} }
  const [name = '', options = {}] = Object.entries(entry)[0] ?? []
  return { name, options: options as Readonly<Record<string, Json>> } // parsed from YAML by a schema, so plain JSON
}

/**
 * Complains about targets that would work against each other: two of one name in a certificate, and files that another
 * certificate writes, too.
 * @param writers - who writes which file; this certificate is added to them
 */
export function checkTargets(
  { name, deploy, pair }: Pick<CertificateSpec, 'name' | 'deploy' | 'pair'>,
  writers: Map<string, SpecName>,
  path: readonly (string | number)[],
  report: Report,
): void {
  const names = deploy.map(targetName)
  const twice = names.find((one, index) => names.indexOf(one) !== index)
  if (twice !== undefined) report(path, `names ${twice} twice`, 'put what it is to do into one target')
  for (const file of deploy.flatMap(filesOf)) {
    const other = writers.get(file)
    if (other !== undefined && other === pair) {
      const hint = 'make two entries, with one kind of key and a directory each'
      report(path, `writes ${file} twice: there are two certificates, as key asks for`, hint)
      return
    }
    if (other !== undefined && other !== name) {
      report(
        path,
        `writes ${file}, which ${other} writes, too`,
        'give each certificate a directory of its own',
      )
      return // the others of the directory would be no news
    }
    writers.set(file, name)
  }
}

function filesOf(target: DeployTarget): readonly string[] {
  const { name, options } = target
  if (name === 'kubernetes' || name === 'vault') return [targetName(target)]
  const fileOptions = options as FileOptions // those of any target; see readTarget
  const machine = name === 'ssh' && typeof options['host'] === 'string' ? `${options['host']}:` : ''
  return hasFiles(fileOptions) ? wantedFiles(fileOptions).map(({ path }) => `${machine}${path}`) : []
}
