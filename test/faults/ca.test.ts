/** A CA that fails in every way at every step. */
import { test } from 'node:test'
import { caCases } from './ca-faults.ts'
import { moments, survive } from './survive.ts'

for (const one of caCases()) test(`${one.name}, ${moments[one.moment]}`, () => survive(one))
