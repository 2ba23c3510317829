/** A process that is killed while it changes something at the CA leaves an account and certificates that can be used. */
import { test } from 'node:test'
import { killEverywhere, loseEveryReply } from './kill.ts'
import { revocation, rollover } from './scenarios.ts'
import { tried } from './tried.ts'

test('a rollover of the account key', async t => {
  tried(t, await killEverywhere(rollover, ['killed', 'power cut']), { atLeast: 100 })
  tried(t, await loseEveryReply(rollover), { atLeast: 3 })
})

test('a revocation, and the certificate in place of the revoked one', async t => {
  tried(t, await killEverywhere(revocation), { atLeast: 480 })
  tried(t, await loseEveryReply(revocation), { atLeast: 9 })
})
