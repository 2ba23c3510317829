/** A CA that lies at every step. */
import { test } from 'node:test'
import { lieCases } from './ca-lies.ts'
import { moments, survive } from './survive.ts'

for (const one of lieCases()) test(`${one.name}, ${moments[one.moment]}`, () => survive(one))
