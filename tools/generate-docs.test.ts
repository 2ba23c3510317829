import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateDocs, readText } from './generate-docs.ts'

for (const { path, text } of generateDocs()) {
  test(`${path} is as npm run docs writes it`, () => {
    assert.equal(readText(path), text)
  })
}
