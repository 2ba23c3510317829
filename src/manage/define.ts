/** Certificate specs made by programs, with the defaults of the configuration file. */
import { parseIdentifier, sameIdentifiers } from '../acme/identifier.ts'
import { AppError } from '../base/errors.ts'
import { readCertificateRequest } from './certificate-request.ts'
import {
  type Authority,
  type CertificateSpec,
  defaultSpecName,
  parseSpecName,
  type SolverChoice,
} from './spec.ts'

/** What a certificate needs; everything else has a default. */
export type CertificateDefinition = Partial<
  Omit<CertificateSpec, 'name' | 'identifiers' | 'authority' | 'solvers' | 'csr'>
> & {
  /** Names and addresses as a person writes them; those of `csr` when absent. */
  readonly identifiers?: readonly string[]
  readonly authority: Authority
  /** The directory below `live/`; the first identifier when absent. */
  readonly name?: string
  /** A request that was made elsewhere, in PEM or DER, for exactly the identifiers. The key is the one in it. */
  readonly csr?: Uint8Array | string
  /** How control over the identifiers is proven, where one solver does for all of them. */
  readonly solver?: SolverChoice
  /**
   * Solvers for some identifiers each, of which the first that fits counts; they come before `solver`. `for` has names and
   * addresses as a person writes them; `*.shop.example` stands for itself and every name below.
   */
  readonly solvers?: readonly (SolverChoice & { readonly for?: readonly string[] })[]
}

/**
 * A spec for `createManager`: a P-256 key, new at each renewal, and no target, unless it says otherwise.
 * @throws AppError ERR_IDENTIFIER, also where `csr` is for others; ERR_FORMAT for a name that cannot be one, and for `csr`
 */
export function defineCertificate({
  identifiers: texts,
  name: text,
  csr: content,
  solver,
  solvers = [],
  ...rest
}: CertificateDefinition): CertificateSpec {
  const csr = content === undefined ? undefined : readCertificateRequest(content)
  const identifiers = texts?.map(parseIdentifier) ?? csr?.identifiers ?? []
  const [first] = identifiers
  if (first === undefined) throw new AppError('ERR_IDENTIFIER', 'a certificate needs at least one identifier')
  if (csr !== undefined && !sameIdentifiers(csr.identifiers, identifiers))
    throw new AppError('ERR_IDENTIFIER', 'the CSR is for other identifiers', {
      hint: 'leave identifiers out',
    })
  const name = text === undefined ? defaultSpecName(first) : parseSpecName(text)
  if (name === undefined) {
    throw new AppError('ERR_FORMAT', `"${text ?? ''}" cannot be the name of a certificate`, {
      hint: 'use lower-case letters, digits, dots, hyphens and underscores',
    })
  }
  return {
    keyType: 'ecdsa-p256',
    reuseKey: false,
    fallbacks: [],
    deploy: [],
    renew: { windows: [] },
    source: 'program',
    ...rest,
    ...(csr !== undefined && {
      ...{ keyType: csr.keyType, reuseKey: false },
      csr: { der: csr.der, publicKeyHash: csr.publicKeyHash },
    }),
    name,
    identifiers,
    solvers: [
      ...solvers.map(({ for: names, ...choice }) => ({
        ...choice,
        ...(names !== undefined && { for: names.map(parseIdentifier) }),
      })),
      ...(solver === undefined ? [] : [solver]),
    ],
  }
}
