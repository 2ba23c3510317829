/** Keys, certificates, requests and chains: DER and PEM in, values out. */
export { certificateId } from './cert-id.ts'
export { type Certificate, parseCertificate } from './certificate.ts'
export { type ChainProblem, chainProblemKinds, checkChain } from './chain.ts'
export { type Csr, createCsr, parseCsr } from './csr.ts'
export { type KeyUsage, keyUsages } from './extension.ts'
export {
  accountKeyAlgorithms,
  createSigner,
  generateAccountKey,
  generateKey,
  type KeyType,
  keyTypeOf,
  keyTypes,
  parsePrivateKeyPem,
  privateKeyPem,
  type SignatureAlgorithm,
  type Signer,
  samePublicKey,
} from './key.ts'
export { encodePem, parsePem } from './pem.ts'
export { type CertificateTemplate, signCertificate } from './signed-certificate.ts'
