import { startStunnel } from './stunnel.ts'
import { testServer } from './suite.ts'

const stunnel = {
  name: 'stunnel',
  programs: ['stunnel'],
  facts: {
    test: 'none: certificate and key of each service',
    reload: 'SIGHUP where its user may read the files, else a restart',
  },
  start: startStunnel,
} as const

testServer({ ...stunnel, reads: 'live' })
testServer({ ...stunnel, reads: 'copies' })
