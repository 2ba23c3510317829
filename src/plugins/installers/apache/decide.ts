/** What to edit in a configuration of Apache httpd, so that it uses a certificate. Pure. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import { applyEdits, type TextEdit } from '../../../base/text-edit.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { InstallWishes } from '../../../contracts/installer.ts'
import type { FileEdit, Source } from '../file-edit.ts'
import { indentAt, lineNumber, lineStart, styleOf, wholeLine } from '../layout.ts'
import { someNames } from '../names.ts'
import type { ApacheNode } from './document.ts'
import {
  type Address,
  type ApacheConfig,
  type ApacheFacts,
  formatApacheAddress,
  formatApacheArgument,
  type Host,
  lastOf,
  parseAddress,
  placeOf,
} from './hosts.ts'
import { findHosts, type Target } from './targets.ts'

/** Everything that decides. */
export type ApacheScene = {
  readonly certificate: DeployableCertificate
  readonly config: ApacheConfig
  readonly sources: ReadonlyMap<string, Source>
  readonly facts: ApacheFacts
  readonly wishes: InstallWishes
  /** Whether a file leads to a directory of the store by whatever links. */
  readonly leadsTo: (path: string, directory: string) => boolean
  /** Paths of the files that virtual hosts include, and the names, in lower case, of what the second one sets. */
  readonly challengeFile: string
  readonly tlsFile: string
  readonly tlsSettings: ReadonlySet<string>
}

export type ApacheDecision = {
  readonly edits: readonly FileEdit[]
  readonly usesChallengeFile: boolean
  readonly usesTlsFile: boolean
  readonly notes: readonly string[]
}

const challengePath = '/.well-known/acme-challenge/'
const usualHttpsPort = 443
/** Each of these may stand there once for a name in the whole configuration; other virtual hosts of the name share it. */
const onceOnly = new Set(['wsgidaemonprocess', 'mdomain'])

/**
 * The edits that make the virtual hosts of the certificate's names use it.
 * @throws AppError ERR_DEPLOY_UNUSED where no virtual host has a name of it, ERR_DEPLOY where it cannot be done as asked;
 * all reasons with file and line
 */
export function decideApacheEdits(scene: ApacheScene): ApacheDecision {
  const plan = new Plan(scene)
  const targets = findHosts(scene)
  plan.problems.push(...targets.problems)
  plan.notes.push(...targets.notes)
  if (targets.hosts.length === 0) throw noHost(scene, targets.notes)
  for (const target of targets.hosts) plan.host(target)
  if (plan.problems.length > 0) {
    throw new AppError(
      'ERR_DEPLOY',
      [...new Set(plan.problems)].map(text => printable(text, 2000)).join('\n'),
      {
        hint: 'nothing was changed; certwright tls snippet apache prints what you can put in yourself',
      },
    )
  }
  const { edits, usesChallengeFile, usesTlsFile } = plan
  return { edits, usesChallengeFile, usesTlsFile, notes: plan.notes.map(text => printable(text, 2000)) }
}

function noHost({ certificate, wishes, config }: ApacheScene, notes: readonly string[]): AppError {
  const wanted =
    wishes.serverNames.length > 0 ? wishes.serverNames : certificate.identifiers.map(({ value }) => value)
  const macro = lastOf(config.main, 'use')
  const hidden =
    macro === undefined
      ? []
      : [
          `${macro.place.file}:${macro.place.line}: what comes from this macro is not looked at, and not edited`,
        ]
  return new AppError(
    'ERR_DEPLOY_UNUSED',
    [
      `no virtual host of Apache answers for ${printable(wanted.join(', '), 200)} at port ${wishes.httpPort} or with TLS`,
      ...hidden,
      ...notes,
    ].join('\n'),
    {
      hint: 'write the name into ServerName or ServerAlias of the virtual host that is meant, and run this again',
    },
  )
}

/** Collects what is to be done, host by host. */
class Plan {
  readonly #scene: ApacheScene
  readonly #mark: string
  readonly #listens = new Set<string>()
  readonly edits: FileEdit[] = []
  readonly problems: string[] = []
  readonly notes: string[] = []
  usesChallengeFile = false
  usesTlsFile = false

  constructor(scene: ApacheScene) {
    this.#scene = scene
    this.#mark = `# certwright: ${scene.certificate.name}`
    const { modules } = scene.facts
    const wanted = ['ssl', 'alias', ...(scene.wishes.hstsSeconds === undefined ? [] : ['headers'])]
    const missing = wanted.filter(name => !modules.has(`${name}_module`))
    if (missing.length > 0) {
      throw new AppError(
        'ERR_DEPLOY',
        `Apache runs without ${missing.map(name => `mod_${name}`).join(' and ')}`,
        {
          hint: scene.facts.serverRoot.startsWith('/etc/apache2')
            ? `a2enmod ${missing.join(' ')} && systemctl restart apache2; then run this again. Nothing was changed`
            : `load it with LoadModule, restart Apache, and run this again; nothing was changed`,
        },
      )
    }
  }

  host(target: Target): void {
    const { host, tls, needsTls, plain, uncovered } = target
    const { wishes } = this.#scene
    const sendsOn = redirects(host.settings)
    if (needsTls && sendsOn) {
      this.#refuse(
        host.node,
        'it sends everything on to https, and no virtual host answers there: write one that does',
      )
    } else if (wishes.redirect && plain && !sendsOn && uncovered.length > 0) {
      this.#refuse(
        host.node,
        `a redirect would send visitors of ${someNames(uncovered)} to a certificate that does not fit; add them to the certificate, or give them a virtual host of their own`,
      )
    } else if (tls) this.#secure(target)
    else if (!needsTls) this.#answerPlainly(host, wishes.redirect && !sendsOn)
    else if (wishes.redirect) this.#split(host)
    else this.#copy(host)
  }

  /** Challenges, and on request nothing but a redirect beside them. */
  #answerPlainly(host: Host, redirect: boolean): void {
    const lines = [
      ...(answersChallenges(host.settings) ? [] : this.#challenge()),
      ...(redirect ? this.#redirect(host) : []),
    ]
    if (lines.length > 0) this.#insertFirst(host.node, this.#marked(lines))
  }

  #challenge(): readonly string[] {
    const { wishes, challengeFile } = this.#scene
    if (wishes.webroot === undefined) return []
    this.usesChallengeFile = true
    return [`Include ${formatApacheArgument(challengeFile)}`]
  }

  /** In a section, because only there the target may have variables; everything but challenges. */
  #redirect(host: Host): readonly string[] {
    const { httpsPort } = this.#scene.wishes
    const { unit } = styleOf(this.#source(host.node).text)
    const port = httpsPort === usualHttpsPort ? '' : `:${httpsPort}`
    return [
      '<LocationMatch "^/(?!\\.well-known/acme-challenge/)">',
      `${unit}Redirect permanent "https://%{SERVER_NAME}${port}%{REQUEST_URI}"`,
      '</LocationMatch>',
    ]
  }

  /** The host becomes the one for TLS; another one, before it, answers plain requests. */
  #split(host: Host): void {
    const { node } = host
    const addresses = this.#secureAddresses(host)
    if (addresses === undefined) return
    const { text } = this.#source(node)
    const { eol, unit } = styleOf(text)
    const indent = indentAt(text, node.spans.all.start)
    const raw = (one: ApacheNode) =>
      one.spans.words.map(({ start, end }) => this.#source(one).text.slice(start, end)).join(' ')
    const own = host.settings.filter(({ name }) => name === 'servername' || name === 'serveralias')
    const challenges = this.#challenge()
    const kept = challenges.length > 0 ? [] : host.settings.filter(isChallengeAlias)
    const lines = [
      this.#mark,
      `<VirtualHost ${addresses.map(({ plain }) => plain).join(' ')}>`,
      ...[...own.map(raw), ...challenges, ...kept.map(raw), ...this.#redirect(host)].map(
        line => `${unit}${line}`,
      ),
      '</VirtualHost>',
      ...this.#listenLines(addresses),
    ]
    const start = lineStart(text, node.spans.all.start)
    this.#edit(node, { start, end: start, text: lines.map(line => `${indent}${line}${eol}`).join('') })
    this.#replaceAddresses(addresses, node)
    this.#insertLast(node, this.#marked(this.#tlsLines(host, [])))
  }

  #replaceAddresses(addresses: readonly Secured[], node: ApacheNode): void {
    for (const { word, secure } of addresses) this.#edit(node, { ...word, text: secure })
  }

  /** A second host for TLS with all that the plain one has, which stays. */
  #copy(host: Host): void {
    const { node } = host
    const addresses = this.#secureAddresses(host)
    if (addresses === undefined) return
    const { text } = this.#source(node)
    const { eol } = styleOf(text)
    const { all } = node.spans
    const indent = indentAt(text, all.start)
    const own = (edit: TextEdit): TextEdit => ({
      ...edit,
      start: edit.start - all.start,
      end: edit.end - all.start,
    })
    const inHost = host.settings.filter(one => one.place.file === node.place.file && isInside(one, node))
    const copied = applyEdits(text.slice(all.start, all.end), [
      ...addresses.map(({ word, secure }) => own({ ...word, text: secure })),
      ...inHost
        .filter(({ name }) => onceOnly.has(name))
        .map(one => own({ ...wholeLine(text, one.spans.all), text: '' })),
      own(this.#lastEdit(node, this.#tlsLines(host, []))),
    ])
    const lineEnd = text.indexOf('\n', all.end)
    const at = lineEnd === -1 ? text.length : lineEnd + 1
    const lines = [this.#mark, ...this.#listenLines(addresses)].map(line => `${indent}${line}${eol}`).join('')
    this.#edit(node, {
      start: at,
      end: at,
      text: `${lineEnd === -1 ? eol : ''}${lines}${indent}${copied}${eol}${indent}${this.#mark}, end${eol}`,
    })
    this.#answerPlainly(host, false)
  }

  /** The certificate and what belongs to it, in a host that speaks TLS already. */
  #secure(target: Target): void {
    const { host, uncovered } = target
    const { certificate, leadsTo } = this.#scene
    const old = (name: string) => host.settings.filter(one => one.name === name)
    const certificates = old('sslcertificatefile')
    const wanted = pairsOf(certificate)
    const has = (directory: string) => certificates.some(({ args: [path = ''] }) => leadsTo(path, directory))
    const missing = wanted.filter(({ directory }) => !has(directory))
    const lines: string[] = []
    if (missing.length > 0 && certificates.length > 0 && missing.length === wanted.length) {
      if (uncovered.length > 0) {
        this.#refuse(
          certificates[0] ?? host.node,
          `the virtual host also answers for ${someNames(uncovered)}, which the certificate does not have; add them to the certificate, or give them one of their own`,
        )
        return
      }
      lines.push(...this.#exchange(host, wanted))
    } else if (missing.length > 0) lines.push(...this.#certificateLines(missing, host))
    lines.push(...this.#settingsLines(host.settings), ...this.#hstsLines(host.settings))
    if (lines.length > 0) this.#insertLast(host.node, this.#marked(lines))
  }

  /** Puts ours in place of the old ones. @returns lines for what has no place */
  #exchange(host: Host, wanted: readonly Pair[]): readonly string[] {
    const { certificate } = this.#scene
    const old = (name: string) => host.settings.filter(one => one.name === name)
    const certificates = old('sslcertificatefile')
    const keys = certificate.keyIsElsewhere === true ? [] : old('sslcertificatekeyfile')
    const chains = old('sslcertificatechainfile') // what it has is in fullchain.pem
    if (![...certificates, ...keys, ...chains].every(one => this.#isOnlyHere(one, host))) return []
    const gone = [...certificates.slice(wanted.length), ...keys.slice(wanted.length), ...chains]
    for (const one of gone) this.#edit(one, { ...wholeLine(this.#source(one).text, one.spans.all), text: '' })
    return wanted.flatMap(({ fullChain, key }, index) => {
      const [oldCertificate, oldKey] = [certificates[index], keys[index]]
      if (oldCertificate !== undefined) this.#replaceValue(oldCertificate, fullChain)
      if (oldKey !== undefined) this.#replaceValue(oldKey, key)
      return [
        ...(oldCertificate === undefined ? [`SSLCertificateFile ${formatApacheArgument(fullChain)}`] : []),
        ...(oldKey === undefined && certificate.keyIsElsewhere !== true
          ? [`SSLCertificateKeyFile ${formatApacheArgument(key)}`]
          : []),
      ]
    })
  }

  #replaceValue(node: ApacheNode, path: string): void {
    const word = node.spans.words[1]
    if (word !== undefined) this.#edit(node, { ...word, text: formatApacheArgument(path) })
  }

  #isOnlyHere(node: ApacheNode, host: Host): boolean {
    if (node.place.file === host.node.place.file && isInside(node, host.node)) return true
    const other = this.#scene.config.hosts.find(
      one =>
        one !== host &&
        one.settings.some(
          ({ place, spans }) => place.file === node.place.file && spans.all.start === node.spans.all.start,
        ),
    )
    if (other === undefined) return true
    this.#refuse(node, `this file is included by the virtual host at ${placeOf(other.node)}, too`)
    return false
  }

  #certificateLines(pairs: readonly Pair[], { node }: Host): readonly string[] {
    if (this.#scene.certificate.keyIsElsewhere === true) {
      this.#refuse(
        node,
        'the key of the certificate is elsewhere: write the virtual host for https with its file, and run this again',
      )
      return []
    }
    return pairs.flatMap(({ fullChain, key }) => [
      `SSLCertificateFile ${formatApacheArgument(fullChain)}`,
      `SSLCertificateKeyFile ${formatApacheArgument(key)}`,
    ])
  }

  #tlsLines(host: Host, before: readonly string[]): readonly string[] {
    return [
      ...before,
      'SSLEngine on',
      ...this.#certificateLines(pairsOf(this.#scene.certificate), host),
      ...this.#settingsLines(host.settings),
      ...this.#hstsLines(host.settings),
    ]
  }

  #settingsLines(settings: readonly ApacheNode[]): readonly string[] {
    const { tlsSettings, tlsFile } = this.#scene
    const own = settings.find(({ name }) => tlsSettings.has(name))
    if (own === undefined) {
      this.usesTlsFile = true
      return [`Include ${formatApacheArgument(tlsFile)}`]
    }
    if (own.place.file === tlsFile) this.usesTlsFile = true
    else
      this.notes.push(
        `${placeOf(own)}: ${own.name} is set here, so the TLS settings of the virtual host are left as they are`,
      )
    return []
  }

  #hstsLines(settings: readonly ApacheNode[]): readonly string[] {
    const { hstsSeconds } = this.#scene.wishes
    if (hstsSeconds === undefined) return []
    const own = settings.find(
      ({ name, args }) =>
        name === 'header' && args.some(arg => arg.toLowerCase() === 'strict-transport-security'),
    )
    if (own === undefined) return [`Header always set Strict-Transport-Security "max-age=${hstsSeconds}"`]
    this.notes.push(`${placeOf(own)}: Strict-Transport-Security is sent already, and stays so`)
    return []
  }

  /** The addresses of a plain host with those for TLS. */
  #secureAddresses({ node, addresses: all }: Host): readonly Secured[] | undefined {
    const { wishes, config } = this.#scene
    const secured: Secured[] = []
    for (const [index, address] of all.entries()) {
      const word = node.spans.words[index + 1]
      const arg = node.args[index] ?? ''
      if (word === undefined || all.length !== node.args.length || address.port !== wishes.httpPort) {
        this.#refuse(
          node,
          `it is for ${arg}, too, which is not port ${wishes.httpPort} alone; give that a virtual host of its own`,
        )
        return undefined
      }
      const wanted = { ...address, port: wishes.httpsPort }
      const taken = config.hosts.find(
        host =>
          !host.speaksTls &&
          host.addresses.some(one => formatApacheAddress(one) === formatApacheAddress(wanted)),
      )
      if (taken !== undefined) {
        this.#refuse(
          node,
          `${formatApacheAddress(wanted)} cannot be used for https: ${placeOf(taken.node)} answers there without TLS`,
        )
        return undefined
      }
      secured.push({ word, plain: arg, secure: formatApacheAddress(wanted), address: wanted })
    }
    return secured
  }

  /** `Listen` for addresses at which Apache does not listen yet, each once. */
  #listenLines(addresses: readonly Secured[]): readonly string[] {
    const { config, wishes } = this.#scene
    const listens = config.main
      .filter(({ name }) => name === 'listen')
      .flatMap(({ args: [text = ''] }) => parseAddress(text) ?? [])
    const isEverywhere = ({ host }: Address) => ['*', '0.0.0.0', '[::]'].includes(host)
    const fits = (listen: Address, { host, port }: Address) =>
      listen.port === port && (listen.host === host || isEverywhere(listen) || host === '*')
    const lacking = addresses.filter(({ address }) => !listens.some(listen => fits(listen, address)))
    const models = listens.filter(
      listen =>
        listen.port === wishes.httpPort &&
        lacking.some(({ address }) => fits({ ...listen, port: address.port }, address)),
    )
    const suffix = wishes.httpsPort === usualHttpsPort ? '' : ' https'
    return models.flatMap(({ host }) => {
      const line = `Listen ${host === '*' ? '' : `${host}:`}${wishes.httpsPort}${suffix}`
      if (this.#listens.has(line)) return []
      this.#listens.add(line)
      return [line]
    })
  }

  #marked(lines: readonly string[]): readonly string[] {
    return [this.#mark, ...lines, `${this.#mark}, end`]
  }

  #insertFirst(node: ApacheNode, lines: readonly string[]): void {
    const start = node.spans.body?.start ?? 0
    const { eol } = styleOf(this.#source(node).text)
    const indent = this.#innerIndent(node)
    this.#edit(node, { start, end: start, text: lines.map(line => `${indent}${line}${eol}`).join('') })
  }

  #insertLast(node: ApacheNode, lines: readonly string[]): void {
    this.#edit(node, this.#lastEdit(node, lines))
  }

  #lastEdit(node: ApacheNode, lines: readonly string[]): TextEdit {
    const { text } = this.#source(node)
    const { eol } = styleOf(text)
    const indent = this.#innerIndent(node)
    const start = lineStart(text, node.spans.body?.end ?? 0)
    return { start, end: start, text: lines.map(line => `${indent}${line}${eol}`).join('') }
  }

  #innerIndent(node: ApacheNode): string {
    const { text } = this.#source(node)
    const first = node.children?.find(child => child.place.file === node.place.file && isInside(child, node))
    if (first !== undefined) return indentAt(text, first.spans.all.start)
    return indentAt(text, node.spans.all.start) + styleOf(text).unit
  }

  #source({ place: { file } }: ApacheNode): Source {
    const source = this.#scene.sources.get(file)
    if (source === undefined) throw new TypeError(`${file} is not a file of the configuration`)
    return source
  }

  #edit(node: ApacheNode, edit: TextEdit): void {
    const { file } = node.place
    this.edits.push({ ...edit, file, line: lineNumber(this.#source(node).text, edit.start) })
  }

  #refuse(node: ApacheNode, why: string): void {
    this.problems.push(`${placeOf(node)}: ${why}`)
  }
}

/** An address of a virtual host, where it stands and what it becomes. */
type Secured = {
  readonly word: { readonly start: number; readonly end: number }
  readonly plain: string
  readonly secure: string
  readonly address: Address
}

type Pair = { readonly directory: string; readonly fullChain: string; readonly key: string }

function pairsOf({ liveDirectory, pair }: DeployableCertificate): readonly Pair[] {
  return [liveDirectory, ...(pair === undefined ? [] : [pair.otherDirectory])].map(directory => ({
    directory,
    fullChain: `${directory}/fullchain.pem`,
    key: `${directory}/privkey.pem`,
  }))
}

function isInside(node: ApacheNode, section: ApacheNode): boolean {
  const { body } = section.spans
  return body !== undefined && node.spans.all.start >= body.start && node.spans.all.end <= body.end
}

function isChallengeAlias({ name, args: [path = ''] }: ApacheNode): boolean {
  return (name === 'alias' || name === 'aliasmatch') && path.includes(challengePath.slice(1, -1))
}

function answersChallenges(settings: readonly ApacheNode[]): boolean {
  return settings.some(isChallengeAlias)
}

/** Whether plain requests are sent on already. */
function redirects(settings: readonly ApacheNode[]): boolean {
  return settings.some(({ name, args, children }) =>
    children === undefined
      ? /^redirect|^rewriterule$/.test(name) && args.some(arg => arg.startsWith('https://'))
      : name.startsWith('location') && redirects(children),
  )
}
