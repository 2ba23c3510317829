/**
 * The program of `tls-daemon.ts`, as daemons are: it serves a pair of files, reads them again on HUP, and says in a pid file
 * who it is. With a file `deaf` beside the pid file it does not listen to signals.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:tls'

const [port = '', cert = '', key = '', pidFile = ''] = process.argv.slice(2)
process.title = 'tls-daemon'

const read = () => ({ cert: readFileSync(cert), key: readFileSync(key) })
const server = createServer(read(), socket => socket.on('error', () => {}).end())
process.on('SIGHUP', () => {
  if (existsSync(`${pidFile}.deaf`)) return
  try {
    server.setSecureContext(read())
  } catch (error) {
    process.stderr.write(`${String(error)}\n`) // it goes on with what it has, as daemons do
  }
})
process.on('SIGTERM', () => {
  rmSync(pidFile, { force: true })
  process.exit(0)
})
server.listen(Number(port), '127.0.0.1', () => writeFileSync(pidFile, `${process.pid}\n`))
