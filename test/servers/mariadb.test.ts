import { startMariadb } from './mariadb.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'mariadb',
  programs: ['mariadbd', 'mariadb', 'mariadb-install-db'],
  facts: { test: 'mariadbd --verbose --help', reload: 'FLUSH LOCAL SSL' },
  start: startMariadb,
  reads: 'copies',
})
