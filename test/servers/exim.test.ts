import { eximProgram } from '../support/exim.ts'
import { startExim } from './exim.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'exim',
  programs: [eximProgram],
  reads: 'copies',
  readsByItself: true,
  facts: { test: 'exim -bP', reload: 'none' },
  start: startExim,
})
