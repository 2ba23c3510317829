import { startProsody } from './prosody.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'prosody',
  programs: ['prosody', 'prosodyctl'],
  reads: 'copies',
  facts: { test: 'prosodyctl check', reload: 'SIGHUP' },
  start: startProsody,
})
