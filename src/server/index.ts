/** `certwright/server`: the embedded ACME CA. */

export { loopbackNetworks, privateNetworks } from '../acme/network.ts'
export { nodeRuntime } from '../runtime/node/runtime.ts'
export { type AcmeServer, createAcmeServer } from './app.ts'
export type { IssueRequest, Issuer } from './issuance/issuer.ts'
export {
  createLocalIssuer,
  type LocalIssuer,
  type LocalIssuerOptions,
  type LocalIssuerState,
  restoreLocalIssuer,
} from './issuance/local-issuer.ts'
export {
  issueServerCertificate,
  type ServerCertificate,
  type ServerCertificateOptions,
} from './issuance/server-certificate.ts'
export { type ListeningAcmeServer, type ListenOptions, listenAcmeServer } from './listen.ts'
export type { AcmeServerOptions, Profile, ValidationOptions } from './options.ts'
