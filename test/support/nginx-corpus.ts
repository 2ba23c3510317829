/** Configurations of nginx as people write them, put where the real nginx can read them. */
import { cp, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { requireProgram, runProgram } from './programs.ts'

/**
 * `sites`: what stands in `http`; `layouts`: whole directories; `foreign`: what modules of others add; `refused`: what
 * nginx does not accept.
 */
export const corpusKinds = ['sites', 'layouts', 'foreign', 'refused'] as const
export type CorpusKind = (typeof corpusKinds)[number]

const corpus = join(dirname(import.meta.dirname), 'corpus', 'nginx')
/** Stands for the directory of the configuration. */
const here = '@DIR@'

/** The cases of a kind by name. */
export async function corpusCases(kind: CorpusKind): Promise<readonly string[]> {
  return (await readdir(join(corpus, kind))).map(name => basename(name, '.conf')).toSorted()
}

/** The text of a case that is one file, byte by byte. */
export async function corpusText(kind: CorpusKind, name: string): Promise<Buffer> {
  return await readFile(join(corpus, kind, `${name}.conf`))
}

/** Every file of a kind by its path in the corpus. */
export async function corpusFiles(kind: CorpusKind): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const entry of await readdir(join(corpus, kind), { recursive: true })) {
    const path = join(corpus, kind, entry)
    if ((await lstat(path)).isFile()) files.set(entry, await readFile(path))
  }
  return files
}

/** Puts a case below a directory. @returns its main file */
export async function layOut(kind: 'sites' | 'layouts', name: string, directory: string): Promise<string> {
  await mkdir(join(directory, 'tmp'), { recursive: true })
  if (kind === 'layouts') {
    await cp(join(corpus, kind, name), directory, { recursive: true, verbatimSymlinks: true })
    for (const entry of await readdir(directory, { recursive: true })) {
      const path = join(directory, entry)
      if ((await lstat(path)).isFile()) await writeFile(path, placed(await readFile(path), directory))
    }
  } else {
    await mkdir(join(directory, 'sites'))
    await writeFile(join(directory, 'sites', `${name}.conf`), placed(await corpusText(kind, name), directory))
    await writeFile(join(directory, 'nginx.conf'), mainConfig(directory))
  }
  return join(directory, 'nginx.conf')
}

function placed(content: Buffer, directory: string): Buffer {
  return Buffer.from(content.toString('latin1').replaceAll(here, directory), 'latin1')
}

function mainConfig(directory: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `    ${kind}_temp_path ${directory}/tmp/${kind};`,
  )
  return `${process.getuid?.() === 0 ? 'user root;\n' : ''}error_log stderr;
pid ${directory}/nginx.pid;
events {}
http {
    access_log off;
${temporary.join('\n')}
    include sites/*.conf;
}
`
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
