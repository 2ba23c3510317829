/** The DNS server that Pebble asks: pebble-challtestsrv with everything but DNS switched off. */
import { freePorts } from './ports.ts'
import { requireProgram, runProgram, startProgram } from './programs.ts'
import { until } from './wait.ts'

/** Records are by name without a final dot; unknown names are 127.0.0.1. */
export type ChallengeDns = AsyncDisposable & {
  /** `127.0.0.1:port`, UDP and TCP. */
  readonly address: string
  /** The addresses of a name, of either kind; an empty list returns to the default. */
  setAddresses(name: string, addresses: readonly string[]): Promise<void>
  /** The address of every name that was not set; empty text for none. */
  setDefaultAddress(address: string): Promise<void>
  addTxt(name: string, value: string): Promise<void>
  clearTxt(name: string): Promise<void>
  setCname(name: string, target: string): Promise<void>
  addCaa(name: string, tag: string, value: string): Promise<void>
  /** Makes every question about the name fail. */
  setServerFailure(name: string): Promise<void>
  log(): string
}

/** Starts the server and waits until it takes commands. */
export async function startChallengeDns(): Promise<ChallengeDns> {
  const program = requireProgram('pebble-challtestsrv')
  const [dnsPort, managementPort] = await freePorts(2)
  const address = `127.0.0.1:${dnsPort}`
  const management = `http://127.0.0.1:${managementPort}`
  const isOld = (await runProgram(program, ['-h'])).stderr.includes('-dns01 ') // Debian's 2.4.0
  const running = await startProgram(program, [
    ...['-management', `127.0.0.1:${managementPort}`],
    ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', ''],
    ...['-http01', '', '-https01', '', '-tlsalpn01', ''],
    // The newer version also listens for DNS over HTTPS unless told not to.
    ...(isOld ? ['-dns01', address] : ['-dnsserver', address, '-doh', '']),
  ])

  const command = async (path: string, body: object) => {
    const reply = await fetch(`${management}/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    })
    if (!reply.ok) throw new Error(`pebble-challtestsrv ${path}: ${reply.status} ${await reply.text()}`)
  }
  await until('pebble-challtestsrv', async () => {
    if (running.hasEnded()) throw new Error(`pebble-challtestsrv ended:\n${running.output()}`)
    return command('set-default-ipv4', { ip: '127.0.0.1' }).then(
      () => true,
      () => undefined, // not listening yet
    )
  })

  const txtHost = (name: string) => `${name}.` // TXT and CNAME records are kept by absolute name
  return {
    address,
    async setAddresses(name, addresses) {
      await command('clear-a', { host: name })
      await command('clear-aaaa', { host: name })
      const [six, four] = [
        addresses.filter(one => one.includes(':')),
        addresses.filter(one => !one.includes(':')),
      ]
      if (four.length > 0) await command('add-a', { host: name, addresses: four })
      if (six.length > 0) await command('add-aaaa', { host: name, addresses: six })
    },
    setDefaultAddress: one =>
      command(one.includes(':') ? 'set-default-ipv6' : 'set-default-ipv4', { ip: one }),
    addTxt: (name, value) => command('set-txt', { host: txtHost(name), value }),
    clearTxt: name => command('clear-txt', { host: txtHost(name) }),
    setCname: (name, target) => command('set-cname', { host: name, target }),
    addCaa: (name, tag, value) => command('add-caa', { host: name, policies: [{ tag, value }] }),
    setServerFailure: name => command('set-servfail', { host: name }),
    log: () => running.output(),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}
