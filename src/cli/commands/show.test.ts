import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeContext, paths } from '../../../test/support/fake-context.ts'
import { parseIdentifier } from '../../acme/identifier.ts'
import { defaultSpecName } from '../../manage/spec.ts'
import { writeDeployments } from '../../manage/store/deployments.ts'
import { show } from './show.ts'

const name = defaultSpecName(parseIdentifier('a.example'))

for (const { seenAt, text } of [
  { seenAt: ['a.example at 127.0.0.1:443'], text: 'seen at a.example at 127.0.0.1:443' },
  { seenAt: [], text: 'no endpoint to look at' },
]) {
  test(`a delivery is shown with where it was seen: ${text}`, async () => {
    const { context, runtime } = await fakeContext('certificates: { a.example: }\n')
    const at = runtime.clock.now()
    const delivery = { target: 'nginx', generation: '000001-20260101T000000Z', at, seenAt }
    await writeDeployments(paths.state, name, [delivery], runtime)
    const shown = await show(context, { args: [name] })
    assert.match(shown.text, new RegExp(`^delivered .*, ${text}$`, 'm'))
  })
}
