/** Public CAs by name. Everything else about them is read from their directory at run time. */
import { isUrl } from '../acme/wire.ts'
import { printable } from '../base/printable.ts'
import { sha256Hex } from '../base/sha256.ts'
import { suggest } from '../base/suggest.ts'
import type { Authority } from './spec.ts'

/** Names that can stand for a directory URL. */
export const knownAuthorities: Readonly<Record<string, string>> = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
  zerossl: 'https://acme.zerossl.com/v2/DV90',
  google: 'https://dv.acme-v02.api.pki.goog/directory',
  'google-staging': 'https://dv.acme-v02.test-api.pki.goog/directory',
  'sslcom-rsa': 'https://acme.ssl.com/sslcom-dv-rsa',
  'sslcom-ecc': 'https://acme.ssl.com/sslcom-dv-ecc',
  actalis: 'https://acme-api.actalis.com/acme/directory',
  'sectigo-dv': 'https://acme.sectigo.com/v2/DV',
  'sectigo-ov': 'https://acme.sectigo.com/v2/OV',
  'sectigo-ev': 'https://acme.sectigo.com/v2/EV',
  'digicert-one': 'https://one.digicert.com/mpki/api/v1/acme/v2/directory',
  'digicert-certcentral': 'https://acme.digicert.com/v2/acme/directory',
  'globalsign-atlas': 'https://emea.acme.atlas.globalsign.com/directory',
  embedded: 'embedded',
}

/** The authority that is used when none is configured. */
export const defaultAuthorityName = 'letsencrypt'

/** Files that go with an authority that is given by URL. */
export type AuthorityFiles = {
  readonly trustFile?: string | undefined
  readonly rootsFile?: string | undefined
}

/**
 * An authority from a known name or an https URL.
 * @param ownNames - further names, for the suggestion to one that is mistyped
 * @returns the authority, or what is wrong with the text and what to write
 */
export function resolveAuthority(
  text: string,
  { trustFile, rootsFile }: AuthorityFiles = {},
  ownNames: readonly string[] = [],
): Authority | { readonly problem: string; readonly hint: string } {
  const known = Object.hasOwn(knownAuthorities, text) ? knownAuthorities[text] : undefined
  const files = {
    ...(trustFile !== undefined && { trustFile }),
    ...(rootsFile !== undefined && { rootsFile }),
  }
  if (known !== undefined) return { id: text, directory: known, ...files }
  if (!URL.canParse(text)) {
    const near = suggest(text, [...ownNames, ...Object.keys(knownAuthorities)])
    const hint =
      near === undefined
        ? `known names: ${Object.keys(knownAuthorities).join(', ')}`
        : `did you mean ${near}?`
    return { problem: `"${printable(text, 200)}" is neither a known CA nor a directory URL`, hint }
  }
  const url = new URL(text)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    return {
      problem: `the directory URL "${printable(text, 200)}" does not begin with https://`,
      hint: 'write it with https://; plain http is only for a CA on a loopback address',
    }
  }
  if (!isUrl(text)) {
    return {
      problem: `the directory URL at ${url.host} has a user name, a password or a fragment, or is too long`,
      hint: 'write it as the CA documents it, without these',
    }
  }
  const name = Object.entries(knownAuthorities).find(([, directory]) => directory === text)?.[0]
  return { id: name ?? authorityId(url), directory: text, ...files }
}

/** Whether a name stands for a directory URL already. */
export function isKnownAuthority(name: string): boolean {
  return Object.hasOwn(knownAuthorities, name)
}

/** Whether it is one of the CAs that the world trusts, or the staging of one: it sees what the world sees. */
export function isPublicAuthority({ directory }: Pick<Authority, 'directory'>): boolean {
  return directory !== 'embedded' && Object.values(knownAuthorities).includes(directory)
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

// The host for people, a digest so that two directories on one host differ.
function authorityId({ host, href }: URL): string {
  const digest = sha256Hex(href).slice(0, 8)
  return `${host.replace(/[^a-z0-9.-]/g, '-')}-${digest}`
}
