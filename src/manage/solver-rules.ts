/** Which solver is for which identifier. Pure. */
import { type Identifier, identifierKey, isWildcard } from '../acme/identifier.ts'
import type { CertificateSpec, SolverChoice } from './spec.ts'

/** The solver of the first rule that fits an identifier; `undefined` where none does. */
export function solverChoiceFor(
  { solvers }: Pick<CertificateSpec, 'solvers'>,
  identifier: Identifier,
): SolverChoice | undefined {
  const rule = solvers.find(
    ({ for: patterns }) => patterns === undefined || patterns.some(pattern => fits(pattern, identifier)),
  )
  return rule && { name: rule.name, options: rule.options }
}

function fits(pattern: Identifier, identifier: Identifier): boolean {
  if (identifierKey(pattern) === identifierKey(identifier)) return true
  return isWildcard(pattern) && identifier.type === 'dns' && identifier.value.endsWith(pattern.value.slice(1))
}
