/** The real slapd, with everything it reads and writes in a directory of its own. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { type RunningProgram, requireProgram, runProgram, startProgram } from '../support/programs.ts'
import { giveTo, type ServiceUser, serviceUser } from '../support/service-user.ts'
import { until } from '../support/wait.ts'
import type { RunningServer, Setup } from './server-case.ts'

type Prepared = {
  readonly directory: string
  readonly user: ServiceUser
  readonly ports: readonly [ldap: number, ldaps: number]
}

/** Starts slapd with its configuration in `cn=config`, which root or whoever runs the tests may change over a socket. */
export async function startSlapd(setup: Setup): Promise<RunningServer> {
  const prepared = await prepare(setup)
  const { directory, user } = prepared
  const config = join(directory, 'slapd.d')
  await mkdir(config)
  const entries = join(directory, 'config.ldif')
  await writeFile(
    entries,
    `dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: ${directory}/run/pid
olcArgsFile: ${directory}/run/args
olcTLSCertificateFile: ${setup.certificateFile}
olcTLSCertificateKeyFile: ${setup.keyFile}

dn: olcDatabase={0}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {0}config
olcAccess: {0}to * by dn.exact=gidNumber=${process.getgid?.() ?? 0}+uidNumber=${process.getuid?.() ?? 0},cn=peercred,cn=external,cn=auth manage by * break
`,
  )
  const made = await runProgram(requireProgram('slapadd'), ['-n', '0', '-F', config, '-l', entries])
  if (made.exitCode !== 0) throw new Error(made.stderr)
  const database = join(config, 'cn=config', 'olcDatabase={0}config.ldif')
  const written = await readdir(config, { recursive: true })
  await giveTo(user, config, ...written.map(name => join(config, name)))
  const program = await start(prepared, ['-F', config])
  return {
    ...running(prepared, database),
    options: { config, socket: join(directory, 'run', 'ldapi') },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}

/** Starts slapd with the older `slapd.conf`; it has to be restarted, which a program of ours does. */
export async function startSlapdWithFile(setup: Setup): Promise<RunningServer> {
  const prepared = await prepare(setup)
  const { directory } = prepared
  const config = join(directory, 'slapd.conf')
  await writeFile(
    config,
    `include /etc/ldap/schema/core.schema
pidfile ${directory}/run/pid
argsfile ${directory}/run/args
TLSCertificateFile "${setup.certificateFile}"
TLSCertificateKeyFile ${setup.keyFile}
`,
  )
  let program = await start(prepared, ['-f', config])
  const [request, done] = [join(directory, 'restart'), join(directory, 'restarted')]
  await runProgram('/usr/bin/mkfifo', ['-m', '600', request, done])
  const restarts = restartOnRequest()
  async function restartOnRequest() {
    while ((await readFile(request, 'utf8')) === 'restart\n') {
      await program[Symbol.asyncDispose]()
      program = await start(prepared, ['-f', config])
      await writeFile(done, 'done\n')
    }
  }
  const script = join(directory, 'restart.sh')
  await writeFile(script, `#!/bin/sh\necho restart > ${request}\ncat ${done} > /dev/null\n`, { mode: 0o755 })
  return {
    ...running(prepared, config),
    options: { config, reload: [script] },
    async [Symbol.asyncDispose]() {
      await writeFile(request, 'end\n')
      await restarts
      await program[Symbol.asyncDispose]()
    },
  }
}

async function prepare({ directory, keyFile }: Setup): Promise<Prepared> {
  const user = await serviceUser('openldap')
  await mkdir(join(directory, 'run'), { mode: 0o755 })
  await giveTo(user, join(directory, 'run'), keyFile)
  const [ldap = 0, ldaps = 0] = await freePorts(2)
  return { directory, user, ports: [ldap, ldaps] }
}

async function start(
  { directory, user, ports: [ldap, ldaps] }: Prepared,
  where: readonly string[],
): Promise<RunningProgram> {
  const socket = encodeURIComponent(join(directory, 'run', 'ldapi'))
  const urls = `ldap://127.0.0.1:${ldap}/ ldaps://127.0.0.1:${ldaps}/ ldapi://${socket}/`
  const program = await startProgram(requireProgram('slapd'), ['-d', '0', ...where, '-h', urls], {
    user,
    cwd: '/',
  })
  await until('slapd to run', async () => {
    if (program.hasEnded()) throw new Error(`slapd ended: ${program.output()}`)
    return readFile(join(directory, 'run', 'pid'), 'utf8').catch(() => undefined)
  })
  return program
}

function running({ ports: [ldap, ldaps] }: Prepared, file: string) {
  return {
    places: [{ port: ldap, startTls: 'ldap' as const }, { port: ldaps }],
    breakConfiguration: async () => {
      const text = await readFile(file, 'utf8')
      await writeFile(file, `${text}this is no setting of slapd\n`)
      return () => writeFile(file, text)
    },
  }
}
