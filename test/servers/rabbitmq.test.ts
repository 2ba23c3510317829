import { startRabbitmq } from './rabbitmq.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'rabbitmq',
  programs: ['rabbitmq-server', 'rabbitmqctl', 'epmd'],
  facts: { test: 'nothing (it was asked with a wrong cookie)', reload: 'ssl:clear_pem_cache()' },
  start: startRabbitmq,
  reads: 'copies',
})
