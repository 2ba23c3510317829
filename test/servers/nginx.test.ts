import { startNginx } from './nginx.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'nginx',
  programs: ['nginx'],
  reads: 'live',
  facts: { test: 'nginx -t', reload: 'nginx -s reload' },
  start: startNginx,
})
