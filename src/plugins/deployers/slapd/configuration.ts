/** What the configuration of slapd says of TLS, in either of its two forms. Pure. */
import type { Endpoint } from '../../../contracts/deployer.ts'
import { reachable } from '../server/listen.ts'

/** The same in both forms. */
export type SlapdSettings = {
  readonly certificateFile?: string
  readonly keyFile?: string
  readonly pidFile?: string
  /** Holds the command line of the process. */
  readonly argumentsFile?: string
}

type Setting = keyof SlapdSettings

/** By the names in `cn=config` and by those in `slapd.conf`, which are the same but for a prefix and the case. */
const settingNames: Readonly<Record<string, Setting>> = {
  tlscertificatefile: 'certificateFile',
  tlscertificatekeyfile: 'keyFile',
  pidfile: 'pidFile',
  argsfile: 'argumentsFile',
}

/** Reads the entry `cn=config` in LDIF (RFC 2849), one line for each value. */
export function parseConfigEntry(ldif: string): SlapdSettings {
  return settingsOf(
    ldif.split('\n').flatMap(line => {
      const [, name, colon, value = ''] = /^olc([A-Za-z]+):(:?) *(.*)$/.exec(line) ?? []
      if (name === undefined) return []
      return [[name, colon === ':' ? Buffer.from(value, 'base64').toString('utf8') : value]]
    }),
  )
}

/** Reads `slapd.conf`: a directive and its argument on each line, the argument in quotation marks where it has spaces. */
export function parseConfigFile(text: string): SlapdSettings {
  return settingsOf(
    text.split('\n').flatMap(line => {
      const [, name, quoted, plain = ''] = /^([A-Za-z]+)\s+(?:"([^"]*)"|(\S+))\s*$/.exec(line) ?? []
      return name === undefined ? [] : [[name, quoted ?? plain]]
    }),
  )
}

function settingsOf(lines: readonly (readonly [name: string, value: string])[]): SlapdSettings {
  return Object.fromEntries(
    lines.flatMap(([name, value]) => {
      const setting = settingNames[name.toLowerCase()]
      return setting === undefined ? [] : [[setting, value]]
    }),
  )
}

type Address = Omit<Endpoint, 'serverName' | 'keyKind' | 'source'>

/** What begins a URL of a listener: TLS from the first byte or after a dialogue, and `p` for the PROXY protocol. */
const schemes: Readonly<
  Record<string, { readonly port: number } & Pick<Address, 'startTls' | 'proxyProtocol'>>
> = {
  ldap: { port: 389, startTls: 'ldap' },
  ldaps: { port: 636 },
  pldap: { port: 389, startTls: 'ldap', proxyProtocol: true },
  pldaps: { port: 636, proxyProtocol: true },
}

/** The addresses in a command line of slapd; without any it listens for LDAP on all. */
export function listenersOf(commandLine: string): readonly Address[] {
  const urls = [...commandLine.matchAll(/(?<![^\s"'])([a-z]+):\/\/([^\s/"']*)/g)]
  const found = urls.flatMap(([, scheme = '', authority = '']) => {
    const usual = schemes[scheme]
    if (usual === undefined) return []
    const [, host = '', port = String(usual.port)] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? []
    return [{ ...usual, host: reachable(host), port: Number(port) }]
  })
  return urls.length > 0 || schemes['ldap'] === undefined
    ? found
    : [{ ...schemes['ldap'], host: reachable('') }]
}

/**
 * The change that makes slapd read its files again: both settings at once and with the values that they have, because slapd takes
 * none of them without the other.
 */
export function touchLdif({
  certificateFile,
  keyFile,
}: {
  certificateFile: string
  keyFile: string
}): string {
  const replace = (attribute: string, value: string) =>
    `replace: ${attribute}\n${attribute}:: ${Buffer.from(value).toString('base64')}\n-\n`
  return `dn: cn=config
changetype: modify
${replace('olcTLSCertificateKeyFile', keyFile)}${replace('olcTLSCertificateFile', certificateFile)}`
}
