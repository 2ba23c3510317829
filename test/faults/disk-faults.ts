/** A disk that is full, read-only or broken: every kind of operation on every kind of place, and all of it at once. */
import { hourMs } from '../../src/base/instant.ts'
import type { FsOps } from '../../src/runtime/files.ts'
import { textReply } from '../../src/testing/fake-network.ts'
import type { Fault, FileCall } from '../../src/testing/faulty-files.ts'
import { createSite, type Site, state, webroot } from '../support/memory-site.ts'
import { allMoments, arriveAt, type Failing, type FaultCase, type Moment } from './survive.ts'

/** What changes something on the disk. */
const changes: readonly (keyof FsOps)[] = [
  'makeDirectory',
  'writeNew',
  'writeDirectory',
  'replace',
  'replaceLink',
  'rename',
  'remove',
]

/** One kind of operation on one kind of place: `replace deployments`. */
type Spot = { readonly operation: keyof FsOps; readonly place: string }

/** The directory below the state directory, or what else it is. */
function placeOf(path: string): string {
  if (path.startsWith(webroot)) return 'webroot'
  if (path === state) return 'state'
  return path.startsWith(`${state}/`) ? (path.slice(state.length + 1).split('/')[0] ?? '') : path
}

const spotName = ({ operation, place }: Spot) => `${operation} ${place}`

/** Nothing may fail for these: people can do without, or it is tried again. */
const harmless: readonly RegExp[] = [
  /^\w+ (history|limits|notifications\.json|state)$/,
  /^(makeDirectory|replace) renewals$/,
  /^(list|read|remove) webroot$/,
]
/** These must be reported. */
const harmful: readonly RegExp[] = [
  /^(list|read|makeDirectory|writeDirectory) certificates$/,
  /^(makeDirectory|replaceLink|readLink) live$/,
  /^(writeNew|makeDirectory|rename|list) runs$/,
  /^(makeDirectory|replace|read) deployments$/,
  /^read (accounts|attempts|renewals)$/,
  /^(facts|makeDirectory|writeNew) webroot$/,
]

const inStore: Failing = { codes: ['ERR_STORE'], says: [new RegExp(state)] }
const inWebroot: Failing = { codes: ['ERR_WEBROOT'], says: [new RegExp(webroot)] }

/** The spots that a run passes at a moment. */
async function spotsAt(moment: Moment): Promise<readonly Spot[]> {
  const site = await createSite()
  await arriveAt(moment, site)
  const begin = site.files.calls.length
  await site.look()
  const spots = site.files.calls
    .slice(begin)
    .map(({ operation, path }) => ({ operation, place: placeOf(path) }))
  return [...new Map(spots.map(spot => [spotName(spot), spot])).values()]
}

/** What cannot be read is looked at every ten minutes: some hours of that are enough. */
const shortMs = 5 * hourMs

type Trouble = { readonly name: string; readonly fault: Fault; readonly once?: true }

const readingTroubles: readonly Trouble[] = [
  { name: 'fails', fault: { code: 'EIO' } },
  { name: 'fails once', fault: { code: 'EIO' }, once: true },
]
const changingTroubles: readonly Trouble[] = [
  { name: 'finds the disk full', fault: { code: 'ENOSPC' } },
  { name: 'cannot be synced', fault: { code: 'EIO', when: 'after' } },
  { name: 'fails once', fault: { code: 'EIO' }, once: true },
]

/** Every spot with every trouble, at a first issuance and at a renewal; what happens once, at a renewal. */
async function spotCases(): Promise<readonly FaultCase[]> {
  const cases: FaultCase[] = []
  for (const moment of ['first', 'renewal'] as const) {
    for (const spot of await spotsAt(moment)) {
      const troubles = changes.includes(spot.operation) ? changingTroubles : readingTroubles
      for (const trouble of troubles)
        if (moment === 'renewal' || trouble.once !== true) cases.push(spotCase(spot, trouble, moment))
    }
  }
  return cases
}

function spotCase(spot: Spot, { name, fault, once }: Trouble, moment: Moment): FaultCase {
  const { operation, place } = spot
  const base: FaultCase = {
    name: `${spotName(spot)} ${name}`,
    moment,
    lastsMs: shortMs,
    strike: ({ files }, hit) => {
      let hits = 0
      files.setFaults(call => {
        if (call.operation !== operation || placeOf(call.path) !== place) return undefined
        hits += 1
        hit()
        return once === true && hits > 1 ? undefined : fault
      })
    },
  }
  const is = (patterns: readonly RegExp[]) => patterns.some(pattern => pattern.test(spotName(spot)))
  if (is(harmless)) return base
  const fails = place === 'webroot' ? inWebroot : inStore
  return { ...base, fails, ...((once === true || !is(harmful)) && { mayPass: true }) }
}

type Disaster = {
  readonly name: string
  readonly rule: (call: FileCall) => Fault | undefined
  readonly fails: Failing
  /** What else goes wrong at the same time. */
  readonly also?: (site: Site) => void
}

const isChange = ({ operation }: FileCall) => changes.includes(operation)
const isState = ({ path }: FileCall) => path.startsWith(state)
const fault =
  (code: string, which: (call: FileCall) => boolean, when: Fault['when'] = 'before') =>
  (call: FileCall): Fault | undefined =>
    which(call) ? { code, when } : undefined
const storeOrWebroot: Failing = {
  codes: ['ERR_STORE', 'ERR_WEBROOT'],
  says: [new RegExp(`${state}|${webroot}`)],
}
const cannotRemember = (call: FileCall) =>
  isChange(call) && ['attempts', 'notifications.json'].includes(placeOf(call.path))

const disasters: readonly Disaster[] = [
  {
    name: 'the disk is full',
    rule: fault('ENOSPC', call => isChange(call) && call.operation !== 'remove'),
    fails: { ...storeOrWebroot, says: [/ENOSPC/] },
  },
  {
    name: 'the disk is read-only',
    rule: fault('EROFS', isChange),
    fails: { ...storeOrWebroot, says: [/EROFS/] },
  },
  {
    name: 'the disk can only be written',
    rule: fault('EIO', call => !isChange(call)),
    fails: storeOrWebroot,
  },
  { name: 'the disk is broken', rule: fault('EIO', () => true), fails: storeOrWebroot },
  { name: 'nothing is ever synced', rule: fault('EIO', isChange, 'after'), fails: storeOrWebroot },
  { name: 'the state belongs to somebody else', rule: fault('EACCES', isState), fails: inStore },
  {
    name: 'the webroot belongs to somebody else',
    rule: fault('EACCES', call => placeOf(call.path) === 'webroot'),
    fails: inWebroot,
  },
  {
    name: 'nothing can be remembered while the CA has an internal error',
    rule: fault('ENOSPC', cannotRemember),
    also: ({ cas }) => {
      for (const ca of cas)
        ca.become({ certificate: () => textReply(500, 'oh', { 'content-type': 'text/plain' }) })
    },
    fails: { codes: ['ERR_REPLY_INVALID'], says: [/ca\.example refused to send the certificate/] },
  },
  {
    name: 'nothing can be remembered while the web server shows something else',
    rule: fault('ENOSPC', cannotRemember),
    also: site => site.become({ activate: async () => {} }),
    fails: { codes: ['ERR_NOT_SERVED'], says: [/web was reloaded/, /a\.example at 127\.0\.0\.1:443/] },
  },
]

/** Every spot, and every disaster at every moment. */
export async function diskCases(): Promise<readonly FaultCase[]> {
  const all = disasters.flatMap(({ name, rule, fails, also }) =>
    allMoments.map(moment => ({
      ...{ name, moment, fails },
      strike: (site: Site, hit: () => void) => {
        also?.(site)
        site.files.setFaults(call => {
          const found = rule(call)
          if (found !== undefined) hit()
          return found
        })
      },
    })),
  )
  return [...(await spotCases()), ...all]
}
