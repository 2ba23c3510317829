/** What the resources of a server work with. Each takes the parts it needs. */
import type { Clock } from '../runtime/clock.ts'
import type { Background } from './background.ts'
import type { Nonces } from './nonces.ts'
import type { Config } from './options.ts'
import type { Records } from './records.ts'
import type { Urls } from './urls.ts'
import type { Validate } from './validation/validate.ts'

export type Parts = {
  readonly config: Config
  readonly urls: Urls
  readonly records: Records
  readonly nonces: Nonces
  readonly clock: Clock
  readonly validate: Validate
  /** Validations and issuances that are going on, each with its own limit. */
  readonly validations: Background
  readonly issuances: Background
}
