import { startHaproxy } from './haproxy.ts'
import { testServer } from './suite.ts'

const haproxy = { name: 'haproxy', programs: ['haproxy'], form: 'combined' } as const

testServer({
  ...haproxy,
  reads: 'live',
  facts: { test: 'haproxy -c', reload: 'reload at the master socket, or SIGUSR2' },
  start: setup => startHaproxy(setup, { way: 'master' }),
})
testServer({
  ...haproxy,
  reads: 'copies',
  facts: { test: 'haproxy -c', reload: 'set ssl cert and commit ssl cert at the socket' },
  start: setup => startHaproxy(setup, { way: 'socket' }),
})
