/** A grade for programs. Pure. */
import { formatInstant } from '../base/instant.ts'
import { adviceFor } from '../tls-scan/advice.ts'
import type { GradedEndpoint } from '../tls-scan/grade.ts'
import { type Grade, isWorse } from '../tls-scan/grades.ts'

/** The document of `tls grade --json`. */
export function gradeJson(
  { target, at, scan, chains, http, rating }: GradedEndpoint,
  { min, otherAddresses }: { readonly min: Grade | undefined; readonly otherAddresses: readonly string[] },
): Record<string, unknown> {
  return {
    ok: min === undefined || !isWorse(rating.grade, min),
    grade: rating.grade,
    gradeOfSettings: rating.gradeOfSettings,
    scores: rating.scores,
    ...target,
    otherAddresses,
    at: formatInstant(at),
    limits: rating.limits.map(limit => ({ ...limit, advice: adviceFor(limit.rule, http?.server) })),
    protocols: scan.protocols.map(({ name, offered, suites, oldCiphers, order, groups }) => ({
      protocol: name,
      offered,
      ...(order !== undefined && { order }),
      suites: [
        ...suites.map(({ id, name, bits, forwardSecret, aead }) => ({
          id: `0x${id.toString(16).padStart(4, '0')}`,
          name,
          bits,
          forwardSecret,
          aead,
        })),
        ...oldCiphers.map(name => ({ name })),
      ],
      groups: groups.map(({ name }) => name),
    })),
    dhePrimes: scan.primes,
    certificates: chains.map(({ leaf, sent, findings }) => ({
      ...(leaf !== undefined && {
        ...leaf,
        notBefore: formatInstant(leaf.notBefore),
        notAfter: formatInstant(leaf.notAfter),
      }),
      sent,
      findings,
    })),
    ...(http !== undefined && { http }),
    ...(scan.older !== undefined && { older: scan.older }),
    connections: scan.connections,
  }
}
