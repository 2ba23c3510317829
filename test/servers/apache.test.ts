import { startApache } from './apache.ts'
import { testServer } from './suite.ts'

const apache = {
  name: 'apache',
  programs: ['apache2'],
  facts: { test: 'apachectl -t, and certificate and key of each virtual host', reload: 'SIGUSR1 (graceful)' },
  start: startApache,
} as const

testServer({ ...apache, reads: 'live' })
testServer({ ...apache, reads: 'copies' })
