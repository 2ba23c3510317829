/** What stands around Certwright on a machine: the web server, its network, DNS as seen from here, other processes. */
import { AppError } from '../../src/base/errors.ts'
import { minuteMs, secondMs } from '../../src/base/instant.ts'
import { textReply } from '../../src/testing/fake-network.ts'
import { fakeSystemError } from '../../src/testing/memory-tree.ts'
import type { Site, SiteMischief } from '../support/memory-site.ts'
import { allMoments, type Failing, type FaultCase, type Moment } from './survive.ts'

type SiteFault = {
  readonly name: string
  /** What goes wrong; `hit` counts. */
  readonly mischief: (hit: () => void, site: Site) => SiteMischief
  readonly fails?: Failing
  readonly warns?: RegExp
  readonly only?: readonly Moment[]
  /** Certificates that it makes useless. */
  readonly spoilt?: number
}

const broken = new AppError('ERR_DEPLOY_BROKEN_BEFORE', 'web: the configuration is broken: a.conf:7', {
  hint: 'correct it; web -t shows it',
})
const failed = (text: string) => new AppError('ERR_DEPLOY', `web: ${text}`, { hint: 'see its log' })
const network = (text: string, code?: string) =>
  new AppError('ERR_NETWORK', `cannot connect to a.example:80 at 127.0.0.1: ${text}`, {
    hint: 'see the firewall',
    ...(code !== undefined && { cause: fakeSystemError(code, 'connect', '127.0.0.1:80') }),
  })

const fails = (code: Failing['codes'][number], ...says: readonly RegExp[]): Failing => ({
  codes: [code],
  says,
})
const notServed = fails(
  'ERR_NOT_SERVED',
  /web was reloaded, but does not serve/,
  /a\.example at 127\.0\.0\.1:443/,
)
const deployFails = (text: RegExp) => fails('ERR_DEPLOY', /^web/, text)

const serverFaults: readonly SiteFault[] = [
  {
    name: 'the configuration of the web server is broken',
    mischief: hit => ({
      inspect: () => {
        hit()
        return { state: 'broken', error: broken }
      },
    }),
    fails: fails('ERR_DEPLOY_BROKEN_BEFORE', /web: the configuration is broken: a\.conf:7/),
  },
  {
    name: 'the web server does not run',
    mischief: hit => ({
      inspect: () => {
        hit()
        return { state: 'not-running', error: failed('it does not run') }
      },
    }),
    fails: deployFails(/it does not run/),
  },
  {
    name: 'the web server uses other files',
    mischief: hit => ({
      inspect: () => {
        hit()
        const error = new AppError('ERR_DEPLOY_UNUSED', 'web: nothing uses live/a.example', {
          hint: 'use it',
        })
        return { state: 'unused', error }
      },
    }),
    fails: fails('ERR_DEPLOY_UNUSED', /nothing uses live\/a\.example/),
  },
  {
    name: 'the web server cannot be asked',
    mischief: hit => ({
      inspect: () => {
        hit()
        throw new AppError('ERR_EXEC', 'there is no program web', { hint: 'install it' })
      },
    }),
    fails: fails('ERR_EXEC', /no program web/),
  },
  {
    name: 'the configuration breaks just before the reload',
    mischief: hit => ({
      activate: async () => {
        hit()
        throw failed('the test of its configuration failed')
      },
    }),
    fails: deployFails(/the test of its configuration failed/),
  },
  {
    name: 'the reload works and is reported as failed',
    mischief: hit => ({
      activate: async good => {
        hit()
        await good()
        throw failed('exit code 1')
      },
    }),
    fails: deployFails(/exit code 1/),
  },
  {
    name: 'the reload has no effect',
    mischief: hit => ({ activate: async () => hit() }),
    fails: notServed,
  },
  {
    name: 'the reload takes two minutes and is given up',
    mischief: (hit, { clock }) => ({
      activate: async () => {
        hit()
        await clock.sleep(2 * minuteMs)
        throw failed('it did not end within 120 s')
      },
    }),
    fails: deployFails(/did not end within 120 s/),
  },
  {
    name: 'the web server cannot be reached',
    mischief: hit => ({
      probe: () => {
        hit()
        throw new AppError('ERR_NETWORK', 'cannot connect to 127.0.0.1:443: connection refused')
      },
    }),
    fails: { ...notServed, says: [...notServed.says, /connection refused/] },
  },
  {
    name: 'the web server takes connections and says nothing',
    mischief: (hit, { clock }) => ({
      probe: async () => {
        hit()
        await clock.sleep(10 * secondMs)
        throw new AppError('ERR_TIMEOUT', '127.0.0.1:443 did not answer within 10 s')
      },
    }),
    fails: { ...notServed, says: [...notServed.says, /did not answer within 10 s/] },
  },
  {
    name: 'the web server shows something that is no certificate',
    mischief: hit => ({
      probe: () => {
        hit()
        return { leaf: new Uint8Array([0x30, 0x03, 0x02, 0x01]), chain: [], protocol: 'TLSv1.3' }
      },
    }),
    fails: notServed,
  },
  {
    name: 'some workers of the web server keep the old certificate',
    only: ['renewal', 'late'],
    mischief: (hit, site) => {
      let old: Uint8Array | undefined
      let looks = 0
      return {
        probe: good => {
          hit()
          const now = good()
          old ??= site.served('a.example') === undefined ? undefined : now.leaf
          looks += 1
          return looks % 2 === 0 && old !== undefined ? { ...now, leaf: old } : now
        },
      }
    },
    fails: notServed,
  },
  {
    name: 'a reload shows after half a minute',
    mischief: (hit, { clock }) => {
      let pending: { readonly at: number; readonly load: () => Promise<void> } | undefined
      return {
        activate: async good => {
          hit()
          pending = { at: clock.monotonic() + 30 * secondMs, load: good }
        },
        probe: async good => {
          if (pending !== undefined && clock.monotonic() >= pending.at) await pending.load()
          return good()
        },
      }
    },
  },
]

const pageFaults: readonly SiteFault[] = [
  page(
    'has no challenge location',
    () => textReply(404, 'not found'),
    fails('ERR_SELF_CHECK', /HTTP 404|404/),
  ),
  page(
    'answers every request with a page',
    () => textReply(200, '<h1>hello</h1>'),
    fails('ERR_SELF_CHECK', /hello/),
  ),
  page('has an internal error', () => textReply(500, 'oops'), fails('ERR_SELF_CHECK', /500/)),
  page(
    'redirects in a circle',
    () => textReply(302, '', { location: '/' }),
    fails('ERR_SELF_CHECK', /in a circle/),
  ),
  page(
    'sends the browser to another port',
    () => textReply(301, '', { location: 'http://a.example:8080/' }),
    fails('ERR_SELF_CHECK', /ports 80 and 443/),
  ),
  page(
    'does not listen',
    () => {
      throw network('connection refused', 'ECONNREFUSED')
    },
    fails('ERR_SELF_CHECK', /refused|nothing listens/),
  ),
  ...['not found', 'a page of somebody else'].map(
    (text): SiteFault => ({
      name: `the CA, and only the CA, sees ${text} on port 80`,
      mischief: hit => ({
        page: async (good, { who }) => {
          if (who === 'here') return good()
          hit()
          return textReply(text === 'not found' ? 404 : 200, text)
        },
      }),
      fails: fails('ERR_AUTHORIZATION', /the CA could not validate/, /a\.example: /, /b\.example: /),
    }),
  ),
  {
    name: 'the CA cannot reach port 80',
    mischief: hit => ({
      page: async (good, { who }) => {
        if (who === 'here') return good()
        hit()
        throw network('it did not answer within 10 s')
      },
    }),
    fails: fails('ERR_AUTHORIZATION', /a\.example: .*connect/),
  },
  {
    name: 'the CA waits for port 80 in vain',
    mischief: (hit, { clock }) => ({
      page: async (good, { who, signal }) => {
        if (who === 'here') return good()
        hit()
        await clock.sleep(25 * secondMs, signal)
        return good()
      },
    }),
    fails: fails('ERR_AUTHORIZATION', /a\.example: .*no answer within 20 s/),
  },
  {
    name: 'port 80 cannot be reached from here',
    mischief: hit => ({
      page: async (good, { who }) => {
        if (who === 'ca') return good()
        hit()
        throw network('no route to host', 'EHOSTUNREACH')
      },
    }),
    warns: /a\.example: could not check from here: .*no route to host/,
  },
  {
    name: 'the resolver of this machine is down',
    mischief: hit => ({
      addresses: () => {
        hit()
        throw new AppError('ERR_TIMEOUT', 'the DNS servers did not answer for a.example')
      },
    }),
    warns: /a\.example: could not check from here: the DNS servers did not answer/,
  },
  {
    name: 'the names have no address as seen from here',
    mischief: hit => ({
      addresses: () => {
        hit()
        return []
      },
    }),
    fails: fails('ERR_SELF_CHECK', /a\.example has no address in DNS/),
  },
]

/** Port 80 does that to everybody. */
function page(what: string, answer: () => ReturnType<typeof textReply>, failing: Failing): SiteFault {
  return {
    name: `port 80 ${what}`,
    mischief: hit => ({
      page: async () => {
        hit()
        return answer()
      },
    }),
    fails: { ...failing, says: [/a\.example/, ...failing.says] },
  }
}

const processFaults: readonly SiteFault[] = [
  {
    name: 'another process has the certificate in its hands',
    mischief: hit => ({
      holder: path => {
        if (!path.includes('certificate-')) return undefined
        hit()
        return 'certwright issue (pid 7)'
      },
    }),
    fails: fails('ERR_LOCKED', /certificate-a\.example is being worked on by certwright issue \(pid 7\)/),
  },
  {
    name: 'another process delivers for ever',
    mischief: hit => ({
      holder: path => {
        if (!path.includes('deliveries')) return undefined
        hit()
        return 'certwright deploy (pid 8)'
      },
    }),
    fails: fails('ERR_LOCKED', /deliveries is being worked on by certwright deploy \(pid 8\)/),
  },
  {
    name: 'another process tells people for ever',
    mischief: hit => ({
      holder: path => {
        if (!path.includes('notifications')) return undefined
        hit()
        return 'certwright apply (pid 9)'
      },
    }),
  },
  {
    name: 'locks cannot be taken',
    mischief: hit => ({
      holder: path => {
        hit()
        throw fakeSystemError('EIO', 'open', path)
      },
    }),
    fails: fails('ERR_STORE', /cannot lock \S+: EIO/),
  },
]

/** Every fault at every moment. */
export function siteCases(): readonly FaultCase[] {
  return [...serverFaults, ...pageFaults, ...processFaults].flatMap(
    ({ mischief, only = allMoments, ...rest }) =>
      only.map(moment => ({
        ...rest,
        moment,
        strike: (site: Site, hit: () => void) => site.become(mischief(hit, site)),
      })),
  )
}
