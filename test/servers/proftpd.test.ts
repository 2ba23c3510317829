import { startProftpd } from './proftpd.ts'
import { testServer } from './suite.ts'

const proftpd = {
  name: 'proftpd',
  programs: ['proftpd'],
  facts: {
    test: 'proftpd -t, and certificate and key of each server',
    reload: 'none: reads them at each connection',
  },
  readsByItself: true,
  start: startProftpd,
} as const

testServer({ ...proftpd, reads: 'live' })
testServer({ ...proftpd, reads: 'copies' })
