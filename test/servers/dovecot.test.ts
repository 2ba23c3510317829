import { startDovecot } from './dovecot.ts'
import { testServer } from './suite.ts'

const dovecot = {
  name: 'dovecot',
  programs: ['dovecot', 'doveadm', 'doveconf'],
  facts: { test: 'doveconf', reload: 'doveadm reload' },
  start: startDovecot,
} as const

testServer({ ...dovecot, reads: 'live' })
testServer({ ...dovecot, reads: 'copies' })
