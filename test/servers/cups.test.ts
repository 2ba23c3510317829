import { cupsFiles, startCups } from './cups.ts'
import { testServer } from './suite.ts'

const cups = {
  name: 'cups',
  programs: ['cupsd'],
  needsRoot: true,
  fileNames: cupsFiles,
  facts: { test: 'cupsd -t', reload: 'none: reads them at each connection' },
  readsByItself: true,
  start: startCups,
} as const

testServer({ ...cups, reads: 'live' })
testServer({ ...cups, reads: 'copies' })
