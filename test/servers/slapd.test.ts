import { startSlapd, startSlapdWithFile } from './slapd.ts'
import { testServer } from './suite.ts'

const slapd = {
  name: 'slapd',
  programs: ['slapd', 'slaptest', 'slapcat', 'slapadd', 'ldapmodify', 'ldapsearch'],
  reads: 'copies',
} as const

testServer({
  ...slapd,
  facts: { test: 'slaptest', reload: 'change of cn=config' },
  start: startSlapd,
})
testServer({
  ...slapd,
  variant: 'file',
  facts: { test: 'slaptest', reload: 'restart' },
  start: startSlapdWithFile,
})
