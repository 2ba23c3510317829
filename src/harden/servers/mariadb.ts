/** TLS settings of MariaDB and MySQL, which share names but not all of them. */
import type { HardenedServer, VersionQuestion, Wanted } from '../server.ts'
import { type Setting, when } from '../setting.ts'

type Dialect = Pick<HardenedServer, 'name' | 'title' | 'file' | 'apply' | 'oldest'> & {
  readonly section: string
  readonly protocols: (wanted: Wanted) => readonly string[]
  readonly question: VersionQuestion
  /** What only one of the two has. */
  readonly more: (wanted: Wanted) => readonly Setting[]
}

function databaseServer({ section, protocols, more, ...server }: Dialect): HardenedServer {
  return {
    ...server,
    comment: '#',
    blocks: wanted => [
      {
        place: 'in a file of its own, or below this heading in one that is there',
        settings: [
          { text: section, why: 'What follows is for the server.' },
          {
            text: `tls_version = ${protocols(wanted).join(',')}`,
            ...wanted.reasons.protocols,
          },
          ...when(wanted.tls.cipherList !== undefined, {
            text: `ssl_cipher = ${wanted.tls.cipherList}`,
            ...wanted.reasons.ciphers,
          }),
          ...more(wanted),
        ],
      },
    ],
  }
}

export const mariadb = databaseServer({
  name: 'mariadb',
  title: 'MariaDB',
  file: '/etc/mysql/mariadb.conf.d/99-tls.cnf',
  apply: 'systemctl restart mariadb',
  oldest: { version: [10, 5, 0], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: {
    programs: ['mariadbd', 'mysqld'],
    args: ['--version'],
    version: /Ver (\d[\d.]*)-MariaDB/,
  },
  section: '[mariadbd]',
  protocols: ({ tls }) => tls.protocols.map(name => (name === 'TLSv1' ? 'TLSv1.0' : name)),
  more: () => [],
})

export const mysql = databaseServer({
  name: 'mysql',
  title: 'MySQL',
  file: '/etc/mysql/mysql.conf.d/99-tls.cnf',
  apply: "mysql -e 'ALTER INSTANCE RELOAD TLS', or systemctl restart mysql",
  oldest: { version: [8, 0, 16], library: { kind: 'openssl', version: [1, 1, 1] } },
  question: { programs: ['mysqld'], args: ['--version'], version: /Ver (\d[\d.]*)(?!.*MariaDB)/ },
  section: '[mysqld]',
  // 8.0.28 and newer do not start with the names of older ones.
  protocols: ({ tls }) => tls.protocols.filter(name => name === 'TLSv1.2' || name === 'TLSv1.3'),
  more: ({ tls, reasons }) =>
    when(tls.suites.length > 0, { text: `tls_ciphersuites = ${tls.suites.join(':')}`, ...reasons.suites }),
})
