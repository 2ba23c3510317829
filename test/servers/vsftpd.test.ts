import { testServer } from './suite.ts'
import { startVsftpd } from './vsftpd.ts'

const vsftpd = {
  name: 'vsftpd',
  programs: ['vsftpd'],
  facts: { test: 'none: certificate and key', reload: 'a restart; nothing where inetd starts it' },
  start: startVsftpd,
} as const

testServer({ ...vsftpd, reads: 'live' })
testServer({ ...vsftpd, reads: 'copies' })
