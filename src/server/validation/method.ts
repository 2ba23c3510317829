/** What a validation method is: one file that fits {@link Method}, and one line in `validate.ts`. */
import type { Identifier } from '../../acme/identifier.ts'
import type { Network } from '../../acme/network.ts'
import type { Problem } from '../../acme/problem.ts'
import type { Runtime } from '../../runtime/runtime.ts'

/** What a method looks for: the key authorization, where it belongs for this identifier and token. */
export type Proof = { readonly identifier: Identifier; readonly token: string; readonly expected: string }

/** What a method works with. */
export type MethodParts = Pick<Runtime, 'http' | 'resolver'> & {
  readonly httpPort: number
  readonly httpsPort: number
  readonly allowedNetworks: readonly Network[]
  readonly signal: AbortSignal
}

/**
 * Looks for the proof. Resolves to what is wrong, or to `undefined` when the identifier is proven.
 * @throws AppError ERR_ABORTED, and for what is a fault of this side
 */
export type Method = (proof: Proof, parts: MethodParts) => Promise<Problem | undefined>
