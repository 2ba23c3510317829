/** Keys, certificates, requests and chains: DER and PEM in, values out. */
export { certificateId } from './cert-id.ts'
export { type Certificate, parseCertificate } from './certificate.ts'
export { type ChainProblem, chainProblemKinds, checkChain } from './chain.ts'
export { type Csr, createCsr, parseCsr } from './csr.ts'
export { type KeyUsage, keyUsages } from './extension.ts'
export {
  createSigner,
  generateAccountKey,
  generateKey,
  keyTypeOf,
  parsePrivateKeyPem,
  privateKeyPem,
  type Signer,
  samePublicKey,
} from './key.ts'
export { accountKeyAlgorithms, type KeyType, keyTypes, type SignatureAlgorithm } from './key-types.ts'
export { encodePem, parsePem } from './pem.ts'
export { type CertificateTemplate, signCertificate } from './signed-certificate.ts'
