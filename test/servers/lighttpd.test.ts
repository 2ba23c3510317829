import { startLighttpd } from './lighttpd.ts'
import { testServer } from './suite.ts'

const lighttpd = {
  name: 'lighttpd',
  programs: ['lighttpd'],
  facts: { test: 'lighttpd -tt', reload: 'SIGUSR1 where its user may read the files, else a restart' },
} as const

testServer({ ...lighttpd, reads: 'live', start: setup => startLighttpd(setup) })
testServer({ ...lighttpd, reads: 'copies', start: setup => startLighttpd(setup, { user: 'www-data' }) })
