/** A web server, a network and other processes that get in the way. */
import { test } from 'node:test'
import { siteCases } from './site-faults.ts'
import { moments, survive } from './survive.ts'

for (const one of siteCases()) test(`${one.name}, ${moments[one.moment]}`, () => survive(one))
