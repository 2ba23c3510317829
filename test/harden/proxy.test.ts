/** The settings of proxies and relays, in force in the real ones. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { requireProgram, startProgram } from '../support/programs.ts'
import { listening, type Row, testRows } from './rows.ts'
import { type Site } from './settings.ts'

const rows: readonly Row[] = [
  { server: 'nghttpx', program: 'nghttpx', start: startNghttpx },
  { server: 'stunnel', program: 'stunnel4', start: startStunnel },
  // Debian's version has no TLS 1.3 yet.
  {
    server: 'coturn',
    program: 'turnserver',
    except: { anyGroup: true, anySuite: true, never: 'tls1_3' },
    without: 'modern',
    start: startCoturn,
  },
]

testRows(rows)

async function startNghttpx({ settingsFile, certificateFile, keyFile }: Site) {
  const [port = 0, backend = 0] = await freePorts(2)
  return await listening(
    await startProgram(requireProgram('nghttpx'), [
      `--conf=${settingsFile}`,
      `--frontend=127.0.0.1,${port}`,
      `--backend=127.0.0.1,${backend}`,
      ...['--workers=1', '--no-ocsp', keyFile, certificateFile],
    ]),
    { port },
  )
}

async function startStunnel({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const [port = 0, backend = 0] = await freePorts(2)
  const configFile = join(directory, 'stunnel.conf')
  await writeFile(
    configFile,
    [
      'foreground = yes',
      'pid =',
      await readFile(settingsFile, 'utf8'),
      '[test]',
      `accept = 127.0.0.1:${port}`,
      `connect = 127.0.0.1:${backend}`,
      `cert = ${certificateFile}`,
      `key = ${keyFile}`,
      '',
    ].join('\n'),
  )
  return await listening(await startProgram(requireProgram('stunnel4'), [configFile]), { port })
}

async function startCoturn({ directory, settingsFile, certificateFile, keyFile }: Site) {
  const [plain = 0, port = 0, other = 0, fourth = 0] = await freePorts(4)
  const configFile = join(directory, 'turnserver.conf')
  await writeFile(
    configFile,
    [
      'listening-ip=127.0.0.1',
      'relay-ip=127.0.0.1',
      `listening-port=${plain}`,
      `tls-listening-port=${port}`,
      `alt-listening-port=${other}`,
      `alt-tls-listening-port=${fourth}`,
      'no-cli',
      'no-auth',
      'no-udp',
      'no-dtls',
      `userdb=${directory}/turndb`,
      `pidfile=${directory}/turnserver.pid`,
      'log-file=stdout',
      `cert=${certificateFile}`,
      `pkey=${keyFile}`,
      await readFile(settingsFile, 'utf8'),
    ].join('\n'),
  )
  return await listening(await startProgram(requireProgram('turnserver'), ['-c', configFile]), { port })
}
