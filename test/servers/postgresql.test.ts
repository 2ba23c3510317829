import { startPostgresql } from './postgresql.ts'
import { testServer } from './suite.ts'

testServer({
  name: 'postgresql',
  programs: ['psql'],
  facts: { test: 'pg_file_settings', reload: 'pg_reload_conf()' },
  start: startPostgresql,
  reads: 'copies',
})
