import { startRabbitmq } from './rabbitmq.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'rabbitmq',
  programs: ['rabbitmq-server', 'rabbitmqctl', 'epmd'],
  facts: { test: 'none', reload: 'ssl:clear_pem_cache()' },
  start: startRabbitmq,
  reads: 'copies',
})
