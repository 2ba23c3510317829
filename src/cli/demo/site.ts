/** The TLS site of the demo. */
import type { Deployer } from '../../contracts/deployer.ts'
import type { SolverChoice } from '../../manage/spec.ts'

/** A site that serves whatever `live/<name>` holds, and the way it answers http-01. */
export type DemoSite = AsyncDisposable & {
  /** `nginx 1.22.1` or `the built-in site`. */
  readonly name: string
  readonly httpPort: number
  readonly httpsPort: number
  readonly solver: SolverChoice
  readonly deployer: Deployer
}

/** Names of the demo: `.test` is reserved for this (RFC 6761 §6.2). */
export const demoNames = ['demo.certwright.test', 'www.demo.certwright.test'] as const

/** What the page says. */
export const demoPage =
  'This page is served with a certificate that Certwright obtained, delivered and verified.\n'
