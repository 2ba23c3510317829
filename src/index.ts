/** The public door of Certwright: the manager, and obtaining one certificate with a solver of one's own. */

export { AppError, type ErrorCode } from './base/errors.ts'
export { type AccountKey, type AcmeClient, createAcmeClient } from './client/client.ts'
export type { DeployableCertificate, Deployer, Endpoint, Inspection } from './contracts/deployer.ts'
export type { Json, Provision, SelfCheckResult, Solver, SolverChallenge } from './contracts/solver.ts'
export type { ApplyResult } from './manage/apply-result.ts'
export { resolveAuthority } from './manage/authorities.ts'
export { type CertificateDefinition, defineCertificate } from './manage/define.ts'
export type { ManagerEvent, OnEvent, Step } from './manage/events.ts'
export { type CertificateExpectation, checkCertificate } from './manage/execute/check-certificate.ts'
export { type ObtainOptions, obtainCertificate } from './manage/execute/obtain.ts'
export {
  type ApplyOptions,
  createManager,
  type Manager,
  type ManagerOptions,
  type Plan,
} from './manage/manager.ts'
export { makePair } from './manage/pair.ts'
export { selectRenewalTime } from './manage/plan/renewal-time.ts'
export type {
  Authority,
  CertificateSpec,
  Config,
  DeployTarget,
  SolverChoice,
  SolverRule,
  SpecName,
} from './manage/spec.ts'
export { createDeployer, createSolver, type PluginChoice } from './plugins/registry.ts'
export { nodeRuntime } from './runtime/node/runtime.ts'
export type { Runtime } from './runtime/runtime.ts'
export type { FileCopy, PreparedFiles, TargetFile } from './runtime/target-files.ts'
