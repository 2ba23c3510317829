import { startDovecot, startDovecotWithNames } from './dovecot.ts'
import type { Setup } from './server-case.ts'
import { testServer } from './suite.ts'

const dovecot = {
  name: 'dovecot',
  programs: ['dovecot', 'doveadm', 'doveconf'],
  facts: { test: 'doveconf', reload: 'doveadm reload' },
  start: (setup: Setup) => startDovecot(setup),
} as const

testServer({ ...dovecot, reads: 'live' })
testServer({ ...dovecot, reads: 'copies' })
testServer({ ...dovecot, variant: 'names', reads: 'live', start: startDovecotWithNames })
