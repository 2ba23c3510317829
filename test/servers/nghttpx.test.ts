import { startNghttpx } from './nghttpx.ts'
import { testServer } from './suite.ts'

const nghttpx = {
  name: 'nghttpx',
  programs: ['nghttpx'],
  facts: { test: 'none: every certificate with its key', reload: 'SIGHUP' },
  start: startNghttpx,
} as const

testServer({ ...nghttpx, reads: 'live' })
testServer({ ...nghttpx, reads: 'copies' })
