/** What an issuance is given. */
import type { AccountKey, AcmeClient } from '../../client/client.ts'
import type { Solver } from '../../contracts/solver.ts'
import type { OnEvent } from '../events.ts'
import type { Budget } from '../limits/budget.ts'
import type { CertificateView } from '../observe/observation.ts'
import type { CertificateSpec, SolverChoice } from '../spec.ts'

export type IssueOptions = {
  readonly spec: CertificateSpec
  readonly view: CertificateView
  readonly client: AcmeClient
  /** The account to order with; asked again with the error when the CA does not know it. */
  readonly account: (lost?: unknown) => Promise<AccountKey>
  /** Orders stay within the limits of the CA. */
  readonly budget: Pick<Budget, 'claim' | 'resume'>
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}
