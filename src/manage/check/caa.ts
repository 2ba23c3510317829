/** Whether CAA records let a CA issue (RFC 8659), to this account and by this challenge (RFC 8657). Pure. */
import type { ChallengeType } from '../../acme/challenge.ts'
import type { CaaRecord } from '../../runtime/dns.ts'

/** Who asks for a certificate, and how. */
export type CaaRequest = {
  /** By which names the CA goes in CAA records. */
  readonly identities: readonly string[]
  /** Absent where there is no account yet. */
  readonly accountUrl?: string
  readonly method: ChallengeType
  readonly wildcard: boolean
}

export type CaaVerdict =
  /** No record says anything about certificates of this kind. */
  | { readonly kind: 'unrestricted' }
  | { readonly kind: 'permitted'; readonly by: string }
  /** `forOthers` where records allow other CAs only, or nobody: one more record would do. */
  | { readonly kind: 'forbidden'; readonly why: string; readonly forOthers: boolean }
  /** It depends on what is not known: the account, or the CA's own name. */
  | { readonly kind: 'unknown'; readonly why: string }

/** Bit 0 of the flags: who does not understand the property must not issue (RFC 8659 §4.1). */
const critical = 0x80
/** Tags that a CA understands; the last ones only tell whom to contact. */
const knownTags = ['issue', 'issuewild', 'iodef', 'contactemail', 'contactphone', 'issuemail', 'issuevmc']

/** Judges the relevant set of a name (RFC 8659 §3): that of the name or of the nearest name above it that has one. */
export function judgeCaa(records: readonly CaaRecord[], request: CaaRequest): CaaVerdict {
  const novel = records.find(({ flags, tag }) => (flags & critical) !== 0 && !knownTags.includes(tag))
  if (novel !== undefined)
    return forbidden(`the property "${novel.tag}" is marked as critical, and CAs do not know it`)
  const wild = records.filter(({ tag }) => tag === 'issuewild')
  const properties = request.wildcard && wild.length > 0 ? wild : records.filter(({ tag }) => tag === 'issue')
  if (properties.length === 0) return { kind: 'unrestricted' }
  const verdicts = properties.flatMap(({ value }) => judgeProperty(value, request) ?? [])
  const others = properties.map(({ tag, value }) => `${tag} "${value}"`).join(', ')
  return (
    verdicts.find(({ kind }) => kind === 'permitted') ??
    verdicts.find(({ kind }) => kind === 'unknown') ??
    verdicts[0] ?? { kind: 'forbidden', why: `only this is allowed: ${others}`, forOthers: true }
  )
}

function forbidden(why: string): CaaVerdict {
  return { kind: 'forbidden', why, forOthers: false }
}

/** What a property says about this CA; nothing where it is about another one or about nobody. */
function judgeProperty(
  value: string,
  { identities, accountUrl, method }: CaaRequest,
): CaaVerdict | undefined {
  const property = parseIssue(value)
  if (property === undefined || property.issuer === '') return undefined
  const { issuer, parameters } = property
  if (identities.length === 0)
    return { kind: 'unknown', why: `the CA does not say by what name it goes; allowed is ${issuer}` }
  if (!identities.some(identity => identity.toLowerCase() === issuer)) return undefined
  const of = (tag: string) => parameters.filter(([name]) => name === tag).map(([, text]) => text)
  const [uri, ...moreUris] = of('accounturi')
  const [methods, ...moreMethods] = of('validationmethods')
  // RFC 8657 §3 and §4: a parameter that is there twice cannot be satisfied.
  if (moreUris.length > 0 || moreMethods.length > 0) return forbidden(`"${value}" has a parameter twice`)
  if (methods !== undefined && !methods.split(',').some(one => one.trim().toLowerCase() === method))
    return forbidden(`${issuer} may issue by ${methods} only, and ${method} is configured`)
  if (uri !== undefined && accountUrl === undefined)
    return { kind: 'unknown', why: `${issuer} may issue to the account ${uri} only, and there is none yet` }
  if (uri !== undefined && uri !== accountUrl)
    return forbidden(`${issuer} may issue to the account ${uri} only, and ours is ${accountUrl}`)
  return { kind: 'permitted', by: value }
}

type IssueProperty = {
  /** In lower case; empty where nobody may issue. */
  readonly issuer: string
  readonly parameters: readonly (readonly [tag: string, value: string])[]
}

/**
 * Reads the value of `issue` and `issuewild` (RFC 8659 §4.2).
 * @returns `undefined` where it has another form, which allows nobody
 */
export function parseIssue(value: string): IssueProperty | undefined {
  const [head = '', ...rest] = value.split(';')
  const issuer = head.trim().toLowerCase()
  if (issuer !== '' && !/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(issuer)) return undefined
  if (rest.every(part => part.trim() === '') && rest.length < 2) return { issuer, parameters: [] }
  const parameters = rest.map(part => /^([a-z0-9-]+)[ \t]*=[ \t]*([!-~]*)$/i.exec(part.trim()))
  if (!parameters.every(match => match !== null)) return undefined
  return { issuer, parameters: parameters.map(([, tag = '', text = '']) => [tag.toLowerCase(), text]) }
}
