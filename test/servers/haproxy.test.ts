import { startHaproxy } from './haproxy.ts'
import { testServer } from './suite.ts'

const haproxy = { name: 'haproxy', programs: ['haproxy'], form: 'combined' } as const

const reload = 'reload at the master socket, or SIGUSR2'

testServer({
  ...haproxy,
  reads: 'live',
  facts: { test: 'haproxy -c', reload },
  start: setup => startHaproxy(setup, { way: 'signal' }),
})
testServer({
  ...haproxy,
  reads: 'live',
  facts: { test: 'haproxy -c', reload },
  start: setup => startHaproxy(setup, { way: 'master' }),
})
testServer({
  ...haproxy,
  reads: 'copies',
  facts: { test: 'haproxy -c', reload: 'set ssl cert and commit ssl cert at the socket' },
  start: setup => startHaproxy(setup, { way: 'socket' }),
})
