/** Object identifiers (RFC 5280, 5480, 5758, 8017, 8410). */
export const oids = {
  commonName: '2.5.4.3',

  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',

  /** RFC 7633. */
  tlsFeature: '1.3.6.1.5.5.7.1.24',

  anyExtendedKeyUsage: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',

  /** The CSR attribute that carries extensions (RFC 2985 §5.4.2). */
  extensionRequest: '1.2.840.113549.1.9.14',
} as const
