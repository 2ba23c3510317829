/** Configurations of servers as people write them, put where the real server can read them. */
import { cp, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { requireProgram, runProgram } from './programs.ts'

/**
 * `sites`: what stands where server blocks and virtual hosts do; `layouts`: whole directories; `foreign`: what modules of
 * others add; `refused`: what the server does not accept.
 */
export type CorpusKind = 'sites' | 'layouts' | 'foreign' | 'refused'

/** The configurations of one server. */
export type Corpus = {
  /** The cases of a kind by name. */
  cases(kind: CorpusKind): Promise<readonly string[]>
  /** Every file of a kind by its path. */
  files(kind: CorpusKind): Promise<ReadonlyMap<string, Buffer>>
  /** Puts a case below a directory. @returns its main file */
  layOut(kind: 'sites' | 'layouts', name: string, directory: string): Promise<string>
}

type CorpusOptions = {
  /** The first that is there is the main file of a layout. */
  readonly mainFiles: readonly string[]
  /** What includes `sites/*.conf`. */
  readonly mainText: (directory: string) => string
  /** What stands for what in the cases, beside the directory of the configuration. */
  readonly replaced?: Readonly<Record<string, string>>
}

/** The cases below `test/corpus/<server>`. */
export function openCorpus(server: string, { mainFiles, mainText, replaced = {} }: CorpusOptions): Corpus {
  const root = join(dirname(import.meta.dirname), 'corpus', server)
  const placed = (content: Buffer, directory: string): Buffer => {
    let text = content.toString('latin1')
    for (const [from, to] of Object.entries({ ...replaced, '@DIR@': directory }))
      text = text.replaceAll(from, to)
    return Buffer.from(text, 'latin1')
  }
  return {
    cases: async kind => (await readdir(join(root, kind))).map(name => basename(name, '.conf')).toSorted(),
    files: async kind => {
      const files = new Map<string, Buffer>()
      for (const entry of await readdir(join(root, kind), { recursive: true })) {
        const path = join(root, kind, entry)
        if ((await lstat(path)).isFile()) files.set(entry, await readFile(path))
      }
      return files
    },
    layOut: async (kind, name, directory) => {
      for (const made of ['tmp', 'run', 'www', 'logs'])
        await mkdir(join(directory, made), { recursive: true })
      if (kind === 'layouts') {
        await cp(join(root, kind, name), directory, { recursive: true, verbatimSymlinks: true })
        for (const entry of await readdir(directory, { recursive: true })) {
          const path = join(directory, entry)
          if ((await lstat(path)).isFile()) await writeFile(path, placed(await readFile(path), directory))
        }
      } else {
        await mkdir(join(directory, 'sites'))
        const content = await readFile(join(root, kind, `${name}.conf`))
        await writeFile(join(directory, 'sites', `${name}.conf`), placed(content, directory))
        await writeFile(join(directory, mainFiles[0] ?? ''), mainText(directory))
      }
      const entries = await readdir(directory, { recursive: true })
      return join(directory, mainFiles.find(file => entries.includes(file)) ?? '')
    },
  }
}

/** Makes the files that the cases name as their present certificates, and one pair more. */
export async function makeCertificates(directory: string): Promise<void> {
  const openssl = requireProgram('openssl')
  const make = async (name: string, ...kind: readonly string[]) => {
    const files = ['-keyout', join(directory, `${name}.key`), '-out', join(directory, `${name}.pem`)]
    const subject = [
      '-subj',
      '/CN=shop.example',
      '-addext',
      'subjectAltName=DNS:shop.example,DNS:www.shop.example',
    ]
    const result = await runProgram(openssl, [
      'req',
      '-x509',
      '-nodes',
      '-days',
      '30',
      ...kind,
      ...files,
      ...subject,
    ])
    if (result.exitCode !== 0) throw new Error(result.stderr)
  }
  await make('old', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')
  await make('rsa', '-newkey', 'rsa:2048')
}
