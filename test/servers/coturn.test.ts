import { startCoturn } from './coturn.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'coturn',
  programs: ['turnserver'],
  facts: { test: 'nothing (its file was missing)', reload: 'SIGUSR2' },
  start: startCoturn,
  reads: 'copies',
})
