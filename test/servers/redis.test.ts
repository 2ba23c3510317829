import { startRedis } from './redis.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'redis',
  programs: ['redis-server', 'redis-cli'],
  facts: { test: 'nothing (it was asked with a wrong password)', reload: 'CONFIG SET tls-cert-file' },
  start: startRedis,
  reads: 'copies',
})
