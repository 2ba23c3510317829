import { startRedis } from './redis.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'redis',
  programs: ['redis-server', 'redis-cli'],
  facts: { test: 'none', reload: 'CONFIG SET tls-cert-file' },
  start: startRedis,
  reads: 'copies',
})
