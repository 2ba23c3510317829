/** Every configuration of the corpus is read without loss, and edited so that the real nginx accepts it. */
import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bytesOfText, textOfBytes } from '../../src/base/byte-text.ts'
import { AppError } from '../../src/base/errors.ts'
import { applyEdits, findEdits, madeEdits, takeBackEdits } from '../../src/base/text-edit.ts'
import type { InstallPlan, InstallWishes } from '../../src/contracts/installer.ts'
import { parseFile } from '../../src/plugins/deployers/nginx/config.ts'
import { createNginxDeployer } from '../../src/plugins/deployers/nginx/nginx.ts'
import { createNginxInstaller } from '../../src/plugins/installers/nginx/nginx-installer.ts'
import { printDirectives } from '../../src/plugins/installers/nginx/print.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { corpusCases, corpusFiles, corpusKinds, layOut, makeCertificates } from '../support/nginx-corpus.ts'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts'

/** What nginx itself cannot split into words, so we need not either. */
const unreadable = new Map([
  ['empty-directive.conf', /:1: unexpected ";"/],
  ['text-behind-a-quote.conf', /:1: unexpected "y" after a quoted text/],
  ['missing-brace.conf', /:1: "server" has no end/],
  ['brace-too-many.conf', /:1: unexpected "}"/],
  ['quote-without-end.conf', /:1: a quoted text has no end/],
  ['word-before-the-brace-at-the-end.conf', /:1: unexpected "}"/],
  ['unquoted-quantifier.conf', /./],
])

for (const kind of corpusKinds) {
  describe(`${kind}: what is parsed can be printed`, async () => {
    for (const [name, bytes] of await corpusFiles(kind)) {
      const { text } = textOfBytes(bytes)
      test(name, () => {
        const wrong = unreadable.get(name)
        if (wrong === undefined) assert.equal(printDirectives(parseFile({ name, text }), text), text)
        else {
          assert.throws(
            () =>
              printDirectives(parseFile({ name, text }), text) ?? assert.fail(`${name}:1: not understood`),
            error => wrong.test(String(error)),
          )
        }
      })
    }
  })
}

/** Where it cannot be done as asked, and why; otherwise it is edited both with and without redirect and HSTS. */
const expected: Readonly<Record<string, { readonly plain?: RegExp; readonly redirect?: RegExp }>> = {
  'another-program-owns-it': always(
    /another-program-owns-it\.conf:\d: it says "# Ansible managed: do not edit/,
  ),
  'bigger-hash-needed': { redirect: /:2: a redirect would send visitors of a-very-long-name/ },
  'block-in-parts': { redirect: /shop\/listen\.conf:1: the redirect needs a block of its own/ },
  'catch-all-only': always(/no server block of nginx answers for shop\.example, www\.shop\.example/),
  'certificate-for-others-too': always(/:4: the block also answers for other\.example/),
  'dotted-name': { redirect: /visitors of \.shop\.example/ },
  'many-names': { redirect: /visitors of n0\.shop\.example, .* and 175 more/ },
  'names-in-several-lines': { redirect: /visitors of alias\.shop\.example/ },
  'other-names-beside': { redirect: /visitors of other\.example/ },
  'other-port-only': always(/answers for shop\.example at 0\.0\.0\.0:8080 .*left alone/),
  'other-port-too': { redirect: /Strict-Transport-Security without TLS at 0\.0\.0\.0:8080/ },
  panel: always(/vhosts\/shop\.conf:\d+: it says "# DO NOT MODIFY THIS FILE/),
  'plain-on-443': always(
    /:1: 0\.0\.0\.0:443 cannot be used for https: .*:6 listens there for something else/,
  ),
  'redirect-without-target': always(/:1: it sends everything on to https, and no block answers there/),
  'regex-beside-exact': { redirect: /visitors of ~\^w\{3\}/ },
  'shared-certificate': always(
    /certificate\.conf:1: this file is included by the block at .*other\.conf:1, too/,
  ),
  'socket-in-the-file-system': { redirect: /without TLS at unix:/ },
  'some-names-have-tls': always(
    /:1: another block answers https for shop\.example, none for www\.shop\.example/,
  ),
  'specific-beside-wildcard': always(/:7: https at 127\.0\.0\.1:443 alone would hide .*:2/),
  'trailing-wildcard': { redirect: /visitors of www\.shop\.\*/ },
  'wildcard-name': { redirect: /visitors of \*\.shop\.example/ },
}

function always(pattern: RegExp): { readonly plain: RegExp; readonly redirect: RegExp } {
  return { plain: pattern, redirect: pattern }
}

const wishes = {
  plain: { redirect: false },
  redirect: { redirect: true, hstsSeconds: 300 },
} as const

const program = skipWithout('nginx') === false ? requireProgram('nginx') : ''
const skip = skipWithout('nginx', 'openssl')

describe('what the real nginx accepts, it accepts after the edit', { skip }, () => {
  const world: { directory?: TempDirectory } = {}
  before(async () => {
    world.directory = await tempDirectory()
    await makeCertificates(world.directory.path)
  })
  after(async () => {
    await world.directory?.[Symbol.asyncDispose]()
  })

  for (const kind of ['sites', 'layouts'] as const) {
    describe(kind, async () => {
      for (const name of await corpusCases(kind)) {
        for (const [how, wanted] of Object.entries(wishes)) {
          test(`${name}, ${how}`, async () => {
            const directory = world.directory?.path ?? ''
            const own = join(directory, `${kind}-${name}-${how}`)
            await edit({ kind, name, how: how as keyof typeof wishes, own, certificates: directory, wanted })
          })
        }
      }
    })
  }
})

type Work = {
  readonly kind: 'sites' | 'layouts'
  readonly name: string
  readonly how: keyof typeof wishes
  readonly own: string
  readonly certificates: string
  readonly wanted: Pick<InstallWishes, 'redirect' | 'hstsSeconds'>
}

async function edit({ kind, name, how, own, certificates, wanted }: Work): Promise<void> {
  const config = await layOut(kind, name, own)
  for (const file of ['old.pem', 'old.key', 'rsa.pem', 'rsa.key'])
    await copyFile(join(certificates, file), join(own, file))
  const live = join(own, 'state', 'live', 'shop.example')
  await mkdir(live, { recursive: true })
  await copyFile(join(certificates, 'rsa.pem'), join(live, 'fullchain.pem'))
  await copyFile(join(certificates, 'rsa.key'), join(live, 'privkey.pem'))
  const nginx = () => runProgram(program, ['-p', own, '-c', config, '-t'])
  const options = { program, config, prefix: own, reload: ['/bin/true'] }
  const runtime = nodeRuntime()
  const certificate = {
    name: 'shop.example',
    identifiers: ['shop.example', 'www.shop.example'].map(value => ({ type: 'dns' as const, value })),
    liveDirectory: live,
    fingerprint: '',
  }
  const { signal } = new AbortController()
  const plan = (): Promise<InstallPlan> =>
    createNginxInstaller(options, runtime).plan(certificate, {
      wishes: {
        ...wanted,
        ...{ profile: 'intermediate', serverNames: [], webroot: '/srv/acme', httpPort: 80, httpsPort: 443 },
      },
      withoutEdits: (_path, text) => text,
      signal,
    })

  const first = await nginx()
  assert.equal(first.exitCode, 0, `nginx does not accept the case: ${first.stderr}`)
  const outcome = expected[name]?.[how]
  if (outcome !== undefined) {
    await assert.rejects(plan(), error => {
      assert.ok(error instanceof AppError, String(error))
      assert.match(error.message, outcome)
      return true
    })
    return
  }
  const { files, ownFiles, ownDirectory } = await plan()
  await mkdir(ownDirectory, { recursive: true })
  for (const { path, text } of ownFiles) await writeFile(path, text)
  for (const { path, current, edits } of files) {
    assert.notEqual(edits.length, 0)
    const { isUtf8 } = textOfBytes(await readFile(path))
    const changed = applyEdits(current, edits)
    const made = madeEdits(current, edits)
    assert.equal(takeBackEdits(changed, made), current)
    const found = findEdits(`# somebody was here\n${changed}`, made)
    assert.deepEqual(found.lost, [])
    assert.equal(
      applyEdits(`# somebody was here\n${changed}`, found.edits),
      `# somebody was here\n${current}`,
    )
    await writeFile(path, bytesOfText(changed, { isUtf8 }))
  }
  const second = await nginx()
  const shown = () =>
    files.map(({ path, current, edits }) => `${path}\n${applyEdits(current, edits)}`).join('\n')
  assert.equal(second.exitCode, 0, `${second.stderr}\n${shown()}`)
  const said = (text: string) =>
    text
      .split('\n')
      .filter(line => line.includes('[warn]'))
      .map(line => line.replace(/^.*\[warn\] (?:\d+#\d+: )?/, '').replace(/:\d+$/, ''))
  assert.deepEqual(
    said(second.stderr).filter(line => !said(first.stderr).includes(line)),
    [],
    shown(),
  )

  const inspection = await createNginxDeployer(options, runtime).inspect(certificate, { signal })
  assert.equal(inspection.state, 'ready', shown())
  assert.ok(
    inspection.state === 'ready' &&
      inspection.endpoints.some(({ serverName }) => serverName?.endsWith('shop.example')),
    shown(),
  )
  const again = await plan()
  assert.deepEqual(
    again.files.map(({ path }) => path),
    [],
    `${shown()}\n${JSON.stringify(again.files.map(({ edits }) => edits))}`,
  )
}
