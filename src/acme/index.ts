/** The vocabulary of RFC 8555, shared by our client and our server. */
export { type Account, type AccountStatus, accountStatuses, parseAccount, writeAccount } from './account.ts'
export {
  type Authorization,
  type AuthorizationStatus,
  authorizationStatuses,
  orderedIdentifier,
  parseAuthorization,
  writeAuthorization,
} from './authorization.ts'
export { type Challenge, type ChallengeType, challengeTypes, tokenPattern } from './challenge.ts'
export { type Directory, parseDirectory, writeDirectory } from './directory.ts'
export {
  type Identifier,
  type IdentifierType,
  identifierTypes,
  isWildcard,
  parseIdentifier,
  sameIdentifiers,
} from './identifier.ts'
export { http01Path, keyAuthorization } from './key-authorization.ts'
export {
  maxOrderIdentifiers,
  type Order,
  type OrderStatus,
  orderStatuses,
  parseOrder,
  writeOrder,
} from './order.ts'
export {
  AcmeProblemError,
  describeProblem,
  isProblem,
  isProblemError,
  makeProblem,
  type Problem,
  type ProblemType,
  parseProblem,
  problemPrefix,
  problemTypes,
} from './problem.ts'
export { parseRenewalInfo, type RenewalInfo, writeRenewalInfo } from './renewal-info.ts'
export { parseRetryAfter } from './retry-after.ts'
export { type RevocationReason, revocationReason, revocationReasons } from './revocation.ts'
export {
  type AuthorizationFacts,
  authorizationStatus,
  type ChallengeFacts,
  type ChallengeStatus,
  challengeStatus,
  type OrderFacts,
  orderStatus,
} from './transitions.ts'
export { isUrl, parseUrl, type Url, type WireObject } from './wire.ts'
