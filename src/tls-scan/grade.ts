/** The grade of one TLS endpoint: scan, look, judge, rate. */
import { isAppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type ChainReview, type ReviewOptions, reviewChain } from './chain-review.ts'
import { type HttpSeen, lookByHttp } from './http-look.ts'
import { type Rating, rate } from './rate.ts'
import { scanTls } from './scan.ts'
import type { ScanTarget, SentChain, TlsScan } from './scan-result.ts'

/** Everything that was found out, and the grade. */
export type GradedEndpoint = {
  readonly target: ScanTarget
  readonly at: Instant
  readonly scan: TlsScan
  readonly chains: readonly ChainReview[]
  /** Absent where no HTTP is spoken. */
  readonly http: HttpSeen | undefined
  readonly rating: Rating
}

/** Settings of {@link gradeEndpoint}. */
export type GradeOptions = {
  /** PEM of each trusted root. */
  readonly roots: readonly string[]
  /** The port for plain HTTP; not asked where absent. */
  readonly httpPort: number | undefined
  readonly signal: AbortSignal
}

type GradeRuntime = Pick<Runtime, 'connectRaw' | 'probeTls' | 'clock' | 'http'>

/**
 * Grades what one server serves.
 * @throws AppError as `scanTls` does
 */
export async function gradeEndpoint(
  target: ScanTarget,
  { roots, httpPort, signal }: GradeOptions,
  runtime: GradeRuntime,
): Promise<GradedEndpoint> {
  const at = runtime.clock.now()
  const scan = await scanTls(target, { signal }, runtime)
  const review = { roots, name: target.serverName ?? target.host, at }
  const chains: ChainReview[] = []
  for (const chain of scan.chains) chains.push(await reviewWithIssuers(chain, review, { runtime, signal }))
  const seen =
    target.startTls === undefined
      ? await lookByHttp(target, { httpPort, known: scan.older?.application !== undefined, signal }, runtime)
      : undefined
  const http = seen !== undefined && isHttp(seen, scan) ? seen : undefined
  return { target, at, scan, chains, http, rating: rate({ scan, chains, http }) }
}

/** A server that takes HTTP in the handshake speaks it, also where we did not get that far. */
function isHttp({ spoken }: HttpSeen, { older }: TlsScan): boolean {
  return spoken || older?.application !== undefined
}

/** Where a server forgot so many certificates, nobody counts further. */
const maxFetched = 3
/** A certificate is 1 to 2 KiB. */
const maxIssuerBytes = 16 * 1024
const fetchTimeoutMs = 5_000

/** Fetches what a server should have sent, to tell "incomplete" from "not trusted". */
async function reviewWithIssuers(
  chain: SentChain,
  options: ReviewOptions,
  { runtime, signal }: { readonly runtime: Pick<Runtime, 'http'>; readonly signal: AbortSignal },
): Promise<ChainReview> {
  const first = reviewChain(chain, options)
  const supplied: Uint8Array[] = []
  for (let review = first; review.issuerUrl !== undefined && supplied.length < maxFetched; ) {
    const issuer = await fetchIssuer(review.issuerUrl, { runtime, signal })
    if (issuer === undefined) return first
    supplied.push(issuer)
    review = reviewChain(chain, { ...options, supplied })
    if (!review.findings.some(({ kind }) => kind === 'untrusted')) return review
  }
  return first
}

async function fetchIssuer(
  url: string,
  { runtime, signal }: { readonly runtime: Pick<Runtime, 'http'>; readonly signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  try {
    const { status, body } = await runtime.http(url, {
      method: 'GET',
      maxBodyBytes: maxIssuerBytes,
      connectTimeoutMs: fetchTimeoutMs,
      headersTimeoutMs: fetchTimeoutMs,
      bodyTimeoutMs: fetchTimeoutMs,
      signal,
    })
    return status === 200 ? body : undefined
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return undefined
  }
}
