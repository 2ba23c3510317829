import { startMosquitto } from './mosquitto.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'mosquitto',
  programs: ['mosquitto'],
  facts: { test: 'mosquitto --test-config', reload: 'SIGHUP' },
  start: startMosquitto,
  reads: 'copies',
})
