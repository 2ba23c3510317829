/** What was proven for each server: the rows of the table in the documentation. */
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Place, ServerCase } from './server-case.ts'

const directory = join(dirname(dirname(import.meta.dirname)), 'docs', 'reference', 'servers')

/** Every step of the suite was gone through; what that says of the server must be what the documentation says. */
export async function noteResult(
  { name, variant, reads, facts, readsByItself = false }: ServerCase,
  places: readonly Place[],
): Promise<void> {
  const dialogues = [...new Set(places.map(({ startTls = 'tls' }) => startTls))].sort()
  const row = { server: name, ...(variant && { variant }), reads, dialogues, ...facts, readsByItself }
  const file = join(directory, `${[name, variant, reads].filter(Boolean).join('-')}.json`)
  const text = `${JSON.stringify(row)}\n`
  if (process.env['CERTWRIGHT_WRITE_RESULTS'] === '1') {
    await mkdir(directory, { recursive: true })
    await writeFile(file, text)
    return
  }
  assert.equal(
    await readFile(file, 'utf8').catch(() => 'nothing'),
    text,
    'the documentation says something else: run the test with CERTWRIGHT_WRITE_RESULTS=1, then npm run docs',
  )
}
