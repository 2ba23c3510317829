import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeContext, paths } from '../../../test/support/fake-context.ts'
import { checkConfig, showConfig } from './config.ts'

const dropIn = `${paths.dropIns}/a.example.yaml`

for (const { what, config, dropIns, files, text } of [
  {
    what: 'nothing at all',
    config: undefined,
    dropIns: 0,
    files: [],
    text: `there is no configuration yet, neither ${paths.config} nor a drop-in\n`,
  },
  {
    what: 'a drop-in alone',
    config: undefined,
    dropIns: 1,
    files: [dropIn],
    text: `the configuration is good: 1 certificate in ${dropIn}\n`,
  },
  {
    what: 'a main file and a drop-in',
    config: 'authority: letsencrypt\n',
    dropIns: 1,
    files: [paths.config, dropIn],
    text: `the configuration is good: 1 certificate in ${paths.config}, ${dropIn}\n`,
  },
]) {
  test(`the files of a configuration are those that exist: ${what}`, async () => {
    const { context, runtime } = await fakeContext(config)
    if (dropIns > 0) await runtime.files.put(dropIn, 'certificates: { a.example: }\n')
    const checked = await checkConfig(context)
    assert.deepEqual([checked.exitCode, checked.text], [0, text])
    for (const { json } of [checked, await showConfig(context)])
      assert.deepEqual((json as { readonly files: unknown }).files, files)
  })
}
