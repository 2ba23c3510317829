/** A disk that fails in every way at every place. */
import { test } from 'node:test'
import { diskCases } from './disk-faults.ts'
import { moments, survive } from './survive.ts'

for (const one of await diskCases()) test(`${one.name}, ${moments[one.moment]}`, () => survive(one))
