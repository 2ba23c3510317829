import { startPostfix, startPostfixWithNames } from './postfix.ts'
import { testServer } from './suite.ts'

const postfix = {
  name: 'postfix',
  programs: ['postfix', 'postconf', 'postmap'],
  needsRoot: true,
  facts: { test: 'postfix check', reload: 'postfix reload' },
} as const
const names = {
  ...postfix,
  variant: 'names',
  // Processes end by themselves when a table that they read has been built again.
  readsByItself: true,
  facts: { ...postfix.facts, reload: 'postmap -F, postfix reload' },
  start: startPostfixWithNames,
} as const

testServer({ ...postfix, reads: 'live', start: startPostfix })
testServer({ ...postfix, reads: 'copies', start: startPostfix })
testServer({ ...names, reads: 'live' })
testServer({ ...names, reads: 'copies' })
