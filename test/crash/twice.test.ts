/** A process that is killed while it cleans up after one that was killed. */
import { test } from 'node:test'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { killTwice } from './kill.ts'
import {
  fallback,
  firstIssue,
  renewal,
  revocation,
  rollback,
  rollover,
  secondRollback,
  withCopies,
} from './scenarios.ts'
import { tried } from './tried.ts'

const scenarios = {
  'a first issuance': firstIssue,
  'a renewal': renewal,
  'an issuance by the second CA': fallback,
  'a delivery that is put back': rollback,
  'a delivery that is put back again': secondRollback,
  'copies that are put back': withCopies(rollback),
  'a rollover': rollover,
  'a revocation': revocation,
}
/** For each of them; another seed finds other pairs. */
const pairs = 25
const seed = 20_301

for (const [name, scenario] of Object.entries(scenarios)) {
  test(`${name}, killed twice`, async t => {
    const random = seededRandom(seed)
    const deaths = Array.from({ length: pairs }, () => [random.fraction(), random.fraction()] as const)
    tried(t, await killTwice(scenario, deaths), { atLeast: pairs })
  })
}
