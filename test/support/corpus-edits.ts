/** What every installer has to do with every configuration of its corpus. */
import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bytesOfText, textOfBytes } from '../../src/base/byte-text.ts'
import { AppError } from '../../src/base/errors.ts'
import { applyEdits, findEdits, madeEdits, takeBackEdits } from '../../src/base/text-edit.ts'
import type { Deployer } from '../../src/contracts/deployer.ts'
import type { Installer, InstallPlan, InstallWishes } from '../../src/contracts/installer.ts'
import { type Corpus, makeCertificates } from './corpus.ts'
import type { Finished } from './programs.ts'
import { type TempDirectory, tempDirectory } from './temp-directory.ts'

/** What is asked for with each case. */
const wishes = {
  plain: { redirect: false },
  redirect: { redirect: true, hstsSeconds: 300 },
} as const satisfies Record<string, Pick<InstallWishes, 'redirect' | 'hstsSeconds'>>

/** Why a case cannot be edited as asked; it can where nothing is said. */
export type Refusals = Readonly<Record<string, { readonly [How in keyof typeof wishes]?: RegExp }>>

/** The same whatever is asked for. */
export function always(pattern: RegExp): { readonly plain: RegExp; readonly redirect: RegExp } {
  return { plain: pattern, redirect: pattern }
}

/** The tools for a configuration; nothing of it runs. */
export type CorpusTools = {
  readonly installer: Installer
  readonly deployer: Deployer
  /** The server's own test. */
  test(): Promise<Finished>
}

/** Tests that each case is edited, accepted by the real server, found in order by the deployer, edited once, and taken back. */
export function describeEdits(
  server: string,
  {
    corpus,
    refusals,
    skip,
    toolsFor,
  }: {
    readonly corpus: Corpus
    readonly refusals: Refusals
    readonly skip: string | false
    readonly toolsFor: (directory: string, config: string) => CorpusTools
  },
): void {
  describe(`what the real ${server} accepts, it accepts after the edit`, { skip }, () => {
    const world: { directory?: TempDirectory } = {}
    before(async () => {
      world.directory = await tempDirectory()
      await makeCertificates(world.directory.path)
    })
    after(() => world.directory?.[Symbol.asyncDispose]())

    for (const kind of ['sites', 'layouts'] as const) {
      describe(kind, async () => {
        for (const name of await corpus.cases(kind)) {
          for (const how of ['plain', 'redirect'] as const) {
            test(`${name}, ${how}`, async () => {
              const certificates = world.directory?.path ?? ''
              const directory = join(certificates, `${kind}-${name}-${how}`)
              const config = await corpus.layOut(kind, name, directory)
              const live = await layCertificates(certificates, directory)
              const refusal = refusals[name]?.[how]
              await edit({ tools: toolsFor(directory, config), live, wished: wishes[how], refusal })
            })
          }
        }
      })
    }
  })
}

async function layCertificates(from: string, directory: string): Promise<string> {
  for (const file of ['old.pem', 'old.key', 'rsa.pem', 'rsa.key'])
    await copyFile(join(from, file), join(directory, file))
  const live = join(directory, 'state', 'live', 'shop.example')
  await mkdir(live, { recursive: true })
  await copyFile(join(from, 'rsa.pem'), join(live, 'fullchain.pem'))
  await copyFile(join(from, 'rsa.key'), join(live, 'privkey.pem'))
  return live
}

type Work = {
  readonly tools: CorpusTools
  readonly live: string
  readonly wished: Pick<InstallWishes, 'redirect' | 'hstsSeconds'>
  readonly refusal: RegExp | undefined
}

async function edit({ tools, live, wished, refusal }: Work): Promise<void> {
  const certificate = {
    name: 'shop.example',
    identifiers: ['shop.example', 'www.shop.example'].map(value => ({ type: 'dns' as const, value })),
    liveDirectory: live,
    fingerprint: '',
  }
  const { signal } = new AbortController()
  const plan = (): Promise<InstallPlan> =>
    tools.installer.plan(certificate, {
      wishes: {
        ...wished,
        ...{ profile: 'intermediate', serverNames: [], webroot: '/srv/acme', httpPort: 80, httpsPort: 443 },
      },
      withoutEdits: (_path, text) => text,
      signal,
    })

  const first = await tools.test()
  assert.equal(first.exitCode, 0, `the case itself is not accepted: ${first.stderr}`)
  if (refusal !== undefined) {
    await assert.rejects(plan(), error => {
      assert.ok(error instanceof AppError, String(error))
      assert.match(error.message, refusal)
      assert.notEqual(error.hint, undefined)
      return true
    })
    return
  }
  const complaints = await tools.installer.warnings({ signal })
  const { files, ownFiles, ownDirectory } = await plan()
  await mkdir(ownDirectory, { recursive: true })
  for (const { path, text } of ownFiles) await writeFile(path, text)
  for (const { path, current, edits } of files) {
    assert.notEqual(edits.length, 0)
    const { isUtf8 } = textOfBytes(await readFile(path))
    const changed = applyEdits(current, edits)
    const made = madeEdits(current, edits)
    assert.equal(takeBackEdits(changed, made), current)
    const later = `# somebody was here\n${changed}`
    const found = findEdits(later, made)
    assert.deepEqual(found.lost, [])
    assert.equal(applyEdits(later, found.edits), `# somebody was here\n${current}`)
    await writeFile(path, bytesOfText(changed, { isUtf8 }))
  }
  const shown = files.map(({ path, current, edits }) => `${path}\n${applyEdits(current, edits)}`).join('\n')
  const second = await tools.test()
  assert.equal(second.exitCode, 0, `${second.stderr}\n${shown}`)
  const fresh = (await tools.installer.warnings({ signal })).filter(text => !complaints.includes(text))
  assert.deepEqual(fresh, [], shown)

  const inspection = await tools.deployer.inspect(certificate, { signal })
  assert.equal(
    inspection.state,
    'ready',
    `${shown}\n${'error' in inspection ? inspection.error.message : ''}`,
  )
  const names = inspection.state === 'ready' ? inspection.endpoints.map(({ serverName }) => serverName) : []
  assert.ok(
    names.some(name => name?.endsWith('shop.example')),
    `${JSON.stringify(inspection)}\n${shown}`,
  )
  const again = await plan()
  assert.deepEqual(
    again.files.flatMap(({ edits }) => edits),
    [],
    `there is more to do after that:\n${shown}`,
  )
}
