/** Handshakes with openssl that show whether a profile is in force. */
import assert from 'node:assert/strict'
import { mapConcurrently } from '../../src/base/concurrent.ts'
import type { Profile } from '../../src/harden/profiles.ts'
import { requireProgram, runProgram } from '../support/programs.ts'

/** What the client offers and nothing else. */
type Offer = {
  readonly protocol: 'tls1' | 'tls1_1' | 'tls1_2' | 'tls1_3'
  /** Up to TLS 1.2. */
  readonly cipher?: string
  readonly suite?: string
  readonly group?: string
}

export type Endpoint = {
  readonly port: number
  /** As `openssl s_client -starttls` takes it. */
  readonly starttls?: string
}

/** Differences that are the server's and not the settings'. */
export type Exceptions = {
  /** It cannot be told which groups to use, or this version takes one only. */
  readonly anyGroup?: true
  /** The group it was told; the only one. */
  readonly onlyGroup?: string
  /** Suites of TLS 1.3 are as the library has them. */
  readonly anySuite?: true
  /** What it cannot, though the profile has it. */
  readonly never?: Offer['protocol']
}

const silenceMs = 8_000
const atOnce = 4
const suites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']
const groups = ['X25519', 'prime256v1', 'secp384r1']

const tls13: readonly Offer[] = [
  { protocol: 'tls1_3' },
  ...suites.map(suite => ({ protocol: 'tls1_3', suite }) as const),
  ...groups.map(group => ({ protocol: 'tls1_3', group }) as const),
]
const goodTls12: readonly Offer[] = [
  ...['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305'].map(
    cipher => ({ protocol: 'tls1_2', cipher }) as const,
  ),
  // Else a client without a group in common would get a key exchange that needs none.
  ...groups.map(group => ({ protocol: 'tls1_2', cipher: 'ECDHE', group }) as const),
]
// With the certificate's RSA key each of these would work if the server let it.
const weakTls12: readonly Offer[] = [
  { protocol: 'tls1_2', cipher: 'ECDHE-RSA-AES128-SHA256' },
  { protocol: 'tls1_2', cipher: 'ECDHE-RSA-AES256-SHA' },
  { protocol: 'tls1_2', cipher: 'AES128-GCM-SHA256' },
  { protocol: 'tls1_2', cipher: 'AES256-SHA' },
]
const oldProtocols: readonly Offer[] = [{ protocol: 'tls1' }, { protocol: 'tls1_1' }]
const never: readonly Offer[] = [
  { protocol: 'tls1_2', cipher: 'DHE-RSA-AES128-GCM-SHA256' },
  { protocol: 'tls1_2', cipher: 'ADH-AES128-SHA256' },
  { protocol: 'tls1_2', cipher: 'ECDHE-RSA-CAMELLIA128-SHA256' },
]
const foreignGroups: readonly Offer[] = [{ protocol: 'tls1_3', group: 'secp521r1' }]
const foreignSuites: readonly Offer[] = [{ protocol: 'tls1_3', suite: 'TLS_AES_128_CCM_SHA256' }]

const expected: Readonly<
  Record<Profile, { readonly works: readonly Offer[]; readonly fails: readonly Offer[] }>
> = {
  modern: {
    works: tls13,
    fails: [{ protocol: 'tls1_2' }, ...oldProtocols, ...foreignGroups, ...foreignSuites],
  },
  intermediate: {
    works: [...tls13, ...goodTls12],
    fails: [...weakTls12, ...oldProtocols, ...never, ...foreignGroups, ...foreignSuites],
  },
  old: {
    works: [...tls13, ...goodTls12, ...weakTls12, ...oldProtocols],
    fails: [...never, ...foreignGroups, ...foreignSuites],
  },
}

/** Asserts that a server with an RSA certificate accepts what the profile has, and refuses everything else. */
export async function assertProfile(
  profile: Profile,
  endpoint: Endpoint,
  { anyGroup, onlyGroup, anySuite, never: without }: Exceptions = {},
): Promise<void> {
  const told = ({ group, suite }: Offer): boolean =>
    !(anyGroup === true && group !== undefined) && !(anySuite === true && suite !== undefined)
  const other = ({ group, protocol }: Offer) =>
    (onlyGroup !== undefined && group !== undefined && group !== onlyGroup) || protocol === without
  const { works, fails } = expected[profile]
  const offers = [
    ...works.filter(told).map(offer => ({ offer, outcome: other(offer) ? 'fails' : 'works' })),
    ...fails.filter(told).map(offer => ({ offer, outcome: 'fails' })),
  ]
  const named = (offer: Offer, outcome: string) => `${Object.values(offer).join(' ')}: ${outcome}`
  assert.deepEqual(
    await mapConcurrently(offers, atOnce, async ({ offer }) =>
      named(offer, (await shakesHands(endpoint, offer)) ? 'works' : 'fails'),
    ),
    offers.map(({ offer, outcome }) => named(offer, outcome)),
  )
  const [good] = offers.filter(({ outcome }) => outcome === 'works')
  assert.ok(good && (await shakesHands(endpoint, good.offer)), 'it is still there')
}

/** Whether a client that offers just this gets a connection. */
export async function shakesHands(
  { port, starttls }: Endpoint,
  { protocol, cipher = 'ALL', suite, group }: Offer,
): Promise<boolean> {
  const args = [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', `-${protocol}`],
    ...['-cipher', `${cipher}:@SECLEVEL=0`], // else this client would refuse what the server offers
    ...(suite === undefined ? [] : ['-ciphersuites', suite]),
    ...(group === undefined ? [] : ['-groups', group]),
    ...(starttls === undefined ? [] : ['-starttls', starttls]),
  ]
  // Some servers just fall silent at a version that they do not speak.
  const silent = { stdout: '' }
  const { stdout } = await runProgram(requireProgram('openssl'), args, { timeoutMs: silenceMs }).catch(
    () => silent,
  )
  return /^New, .*Cipher is (?!\(NONE\))/m.test(stdout)
}
