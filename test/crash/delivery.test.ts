/** A process that is killed while it delivers leaves a server with a good certificate, and the next one delivers the newest. */
import { test } from 'node:test'
import { killEverywhere } from './kill.ts'
import {
  deliveryAnew,
  deliveryAsAsked,
  firstIssue,
  renewal,
  rollback,
  secondRollback,
  withCopies,
} from './scenarios.ts'
import { tried } from './tried.ts'

const both = ['killed', 'power cut'] as const

test('a delivery that was asked for', async t => {
  tried(t, await killEverywhere(deliveryAsAsked, both), { atLeast: 250 })
})

test('a delivery without a live link and without a record', async t => {
  tried(t, await killEverywhere(deliveryAnew), { atLeast: 120 })
})

test('a delivery to a server that stays with the old certificate, which is put back', async t => {
  tried(t, await killEverywhere(rollback), { atLeast: 400 })
  tried(t, await killEverywhere(secondRollback), { atLeast: 180 })
})

test('a first delivery, a renewal and a delivery that was asked for, of copies', async t => {
  tried(t, await killEverywhere(withCopies(firstIssue)), { atLeast: 400 })
  tried(t, await killEverywhere(withCopies(renewal)), { atLeast: 500 })
  tried(t, await killEverywhere(withCopies(deliveryAsAsked)), { atLeast: 150 })
})

test('copies that are put back', async t => {
  tried(t, await killEverywhere(withCopies(rollback)), { atLeast: 550 })
  tried(t, await killEverywhere(withCopies(secondRollback)), { atLeast: 280 })
})
