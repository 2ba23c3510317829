/** What to edit in a configuration of nginx, so that it uses a certificate. Pure. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { InstallWishes } from '../../../contracts/installer.ts'
import { formatArgument } from '../../deployers/nginx/argument.ts'
import { type Directive, formatPlace } from '../../deployers/nginx/config.ts'
import { formatAddress, type Listen, parseListen, socketKey } from '../../deployers/nginx/listen.ts'
import type { FileSetting, ServerBlock } from '../../deployers/nginx/server-blocks.ts'
import type { FileEdit } from '../file-edit.ts'
import { someNames } from '../names.ts'
import {
  blocksWithoutHsts,
  challengeLocation,
  hstsHeader,
  hstsOf,
  locationLines,
  sendsOn,
  sendsOnIf,
} from './block-facts.ts'
import {
  isInSameFile,
  linesAhead,
  linesFirst,
  linesLast,
  otherArguments,
  rawWords,
  type Sources,
  without,
} from './block-text.ts'
import { hasHttp2Directive, type NginxFacts, secureListen } from './secure-listen.ts'
import { findTargets, type Target, type Targets } from './targets.ts'

/** Everything that decides. */
export type NginxScene = {
  readonly certificate: DeployableCertificate
  readonly blocks: readonly ServerBlock[]
  readonly sources: Sources
  readonly facts: NginxFacts
  readonly wishes: InstallWishes
  /** Whether a setting leads to a directory of the store by whatever links. */
  readonly leadsTo: (setting: FileSetting, directory: string) => boolean
  /** Paths of the files that blocks include, and the names of what the second one sets. */
  readonly challengeFile: string
  readonly tlsFile: string
  readonly tlsSettings: ReadonlySet<string>
}

export type Decision = {
  readonly edits: readonly FileEdit[]
  readonly usesChallengeFile: boolean
  readonly usesTlsFile: boolean
  readonly notes: readonly string[]
}

/** Ends what the server level would do with a challenge: a `return` or `rewrite` that follows. */
const passChallenges = `rewrite ^(/\\.well-known/acme-challenge/.*)$ $1 break;`

/**
 * The edits that make every server block of the certificate's names use it.
 * @throws AppError ERR_DEPLOY_UNUSED where no block has a name of it, ERR_DEPLOY where it cannot be done as asked; all
 * reasons with file and line
 */
export function decideEdits(scene: NginxScene): Decision {
  const found = findTargets(scene.blocks, scene.certificate.identifiers, scene.wishes)
  if (found.targets.length === 0) throw noBlock(scene, found)
  const plan = new Plan(scene, found)
  for (const target of found.targets) plan.target(target)
  const problems = [...found.problems, ...plan.problems]
  if (problems.length > 0) {
    throw new AppError('ERR_DEPLOY', problems.map(text => printable(text, 2000)).join('\n'), {
      hint: 'nothing was changed; certwright tls snippet nginx prints what you can put in yourself',
    })
  }
  return {
    edits: plan.edits,
    usesChallengeFile: plan.usesChallengeFile,
    usesTlsFile: plan.usesTlsFile,
    notes: [...found.notes, ...plan.notes.map(text => printable(text, 2000))],
  }
}

function noBlock({ certificate, wishes }: NginxScene, { notes }: Targets): AppError {
  const wanted =
    wishes.serverNames.length > 0 ? wishes.serverNames : certificate.identifiers.map(({ value }) => value)
  const reasons = notes.length > 0 ? `\n${notes.join('\n')}` : ''
  return new AppError(
    'ERR_DEPLOY_UNUSED',
    `no server block of nginx answers for ${printable(wanted.join(', '), 200)} at port ${wishes.httpPort} or with TLS${reasons}`,
    {
      hint: `write the name into server_name of the block that is meant, or name the block as it stands there: certwright install nginx ${certificate.name} --server-name _`,
    },
  )
}

/** Collects what is to be done, block by block. */
class Plan {
  readonly #scene: NginxScene
  readonly #found: Targets
  readonly #mark: string
  readonly edits: FileEdit[] = []
  readonly problems: string[] = []
  readonly notes: string[] = []
  usesChallengeFile = false
  usesTlsFile = false

  constructor(scene: NginxScene, found: Targets) {
    this.#scene = scene
    this.#found = found
    this.#mark = `# certwright: ${scene.certificate.name}`
  }

  target(target: Target): void {
    const { block, plain, tls, needsTls } = target
    const { wishes } = this.#scene
    const splits = wishes.redirect && plain && (tls || needsTls) && !sendsOnIf(block)
    if (needsTls && block.redirectsToHttps) {
      this.#refuse(
        block.directive,
        'it sends everything on to https, and no block answers there: write one that does',
      )
      return
    }
    if (wishes.redirect && plain && target.uncovered.length > 0 && !sendsOn(block)) {
      this.#refuse(
        block.directive,
        `a redirect would send visitors of ${someNames(target.uncovered)} to a certificate that does not fit; add them to the certificate, or give them a block of their own`,
      )
      return
    }
    const last: string[] = []
    if (plain && !splits) this.#answerPlainly(target)
    if (needsTls) last.push(...this.#listen(block, splits))
    if (splits) this.#split(target)
    if (tls || needsTls) {
      last.push(
        ...this.#certificateLines(target),
        ...this.#tlsLines(block),
        ...this.#hstsLines(target, splits),
      )
    }
    if (last.length > 0)
      this.edits.push(
        linesLast(
          block.directive,
          last.map(line => this.#marked(line)),
          this.#scene.sources,
        ),
      )
  }

  /** What a block that goes on answering plain requests needs. */
  #answerPlainly({ block, tls, needsTls }: Target): void {
    const { wishes, challengeFile, sources } = this.#scene
    const own = challengeLocation(block)
    const lines: string[] = []
    if (own === undefined && wishes.webroot !== undefined) lines.push(this.#include(challengeFile))
    if (wishes.redirect && !tls && !needsTls && !sendsOn(block)) {
      if (lines.length === 0) lines.push(passChallenges)
      lines.push(`return 301 ${this.#target()};`)
    }
    if (lines.length > 0)
      this.edits.push(
        linesFirst(
          block.directive,
          lines.map(line => this.#marked(line)),
          sources,
        ),
      )
  }

  #include(file: string): string {
    if (file === this.#scene.challengeFile) this.usesChallengeFile = true
    else this.usesTlsFile = true
    return `include ${formatArgument(file)};`
  }

  #target(): string {
    const { httpsPort } = this.#scene.wishes
    return `https://$host${httpsPort === usualHttpsPort ? '' : `:${httpsPort}`}$request_uri`
  }

  /** TLS at the same addresses: a connection to another one would not select the block. */
  #listen(block: ServerBlock, splits: boolean): readonly string[] {
    const { facts, wishes, sources } = this.#scene
    const listens = block.listens.filter(listen => this.#isPlain(listen))
    const isImplied = !block.directive.block?.some(({ name }) => name === 'listen')
    const lines = isImplied && !splits ? [`listen ${wishes.httpPort};`] : []
    const surroundings = { ...this.#scene, sockets: this.#found.sockets, httpsPort: wishes.httpsPort }
    let oldHttp2 = !hasHttp2Directive(facts)
    for (const listen of listens) {
      const secure = secureListen(listen, surroundings)
      if ('problem' in secure) {
        this.#refuse(block.directive, secure.problem)
        continue
      }
      oldHttp2 ||= secure.joinsOldHttp2
      const directive = block.directive.block?.find(
        ({ name, place, args }) => name === 'listen' && place === listen.place && args.length > 0,
      )
      if (!splits || directive === undefined) lines.push(`listen ${secure.args};`)
      else this.edits.push(otherArguments(directive, secure.args, sources))
    }
    const knowsHttp2 = [...(block.directive.block ?? []), ...block.outer].some(({ name }) => name === 'http2')
    if (facts.hasHttp2 && !oldHttp2 && !knowsHttp2) lines.push('http2 on;')
    return lines
  }

  /** Whether a `listen` is one that plain requests for challenges come in by. */
  #isPlain(listen: Listen): boolean {
    const { httpPort } = this.#scene.wishes
    if (listen.isUnix || listen.isUdp || listen.ssl || listen.port !== httpPort) return false
    return this.#found.sockets.some(
      socket => socketKey(socket.listen) === socketKey(listen) && !socket.speaksTls,
    )
  }

  /** A block of its own for plain requests, before the one that keeps everything else. */
  #split({ block, needsTls }: Target): void {
    const { sources, wishes, challengeFile } = this.#scene
    const { directive } = block
    const children = directive.block ?? []
    const listens = children.filter(({ name }) => name === 'listen')
    const plain = listens.filter(one => {
      const listen = parseListen(one)
      return listen !== undefined && this.#isPlain(listen)
    })
    const included = plain.find(one => !isInSameFile(one, directive))
    if (included !== undefined) {
      this.#refuse(
        included,
        'the redirect needs a block of its own with this listen, which stands in an included file',
      )
      return
    }
    const challenge = challengeLocation(block)
    const answers =
      wishes.webroot !== undefined
        ? [this.#include(challengeFile)]
        : challenge === undefined
          ? []
          : locationLines(challenge, children, sources)
    const names = children
      .filter(({ name }) => name === 'server_name')
      .map(one => `${rawWords(one, sources)};`)
    const body = [
      ...answers,
      ...(listens.length === 0
        ? [`listen ${wishes.httpPort};`]
        : plain.map(one => `${rawWords(one, sources)};`)),
      ...names,
      'location / {',
      `\treturn 301 ${this.#target()};`,
      '}',
    ]
    const lines = [`server { ${this.#mark}`, ...body.map(line => `\t${line}`), `} ${this.#mark}`]
    this.edits.push(linesAhead(directive, lines, sources))
    if (!needsTls) this.edits.push(...plain.map(one => without(one, sources)))
  }

  /** The certificate in place of another one, or lines that add it. */
  #certificateLines({ block, uncovered }: Target): readonly string[] {
    const { certificate, leadsTo, sources } = this.#scene
    const wanted = wantedPairs(certificate)
    const has = (directory: string) =>
      block.ownCertificates && block.certificates.some(setting => leadsTo(setting, directory))
    const missing = wanted.filter(({ directory }) => !has(directory))
    if (missing.length === 0) return []
    const children = block.directive.block ?? []
    const oldCertificates = children.filter(({ name }) => name === 'ssl_certificate')
    const oldKeys = children.filter(({ name }) => name === 'ssl_certificate_key')
    if (certificate.keyIsElsewhere === true && oldKeys.length === 0) {
      this.#refuse(
        block.directive,
        'the key of the certificate is elsewhere: add ssl_certificate_key with its file, and run this again',
      )
      return []
    }
    const lineOf = (name: string, path: string) => `${name} ${formatArgument(path)};`
    if (missing.length < wanted.length || oldCertificates.length === 0) {
      return missing.flatMap(({ fullChain, key }) => [
        lineOf('ssl_certificate', fullChain),
        ...(certificate.keyIsElsewhere === true ? [] : [lineOf('ssl_certificate_key', key)]),
      ])
    }
    if (uncovered.length > 0) {
      this.#refuse(
        oldCertificates[0] ?? block.directive,
        `the block also answers for ${someNames(uncovered)}, which the certificate does not have; add them to the certificate, or give them a block of their own`,
      )
      return []
    }
    const keys = certificate.keyIsElsewhere === true ? [] : oldKeys
    if (![...oldCertificates, ...keys].every(one => this.#isOurs(one, block))) return []
    wanted.forEach(({ fullChain, key }, index) => {
      const [oldCertificate, oldKey] = [oldCertificates[index], keys[index]]
      if (oldCertificate !== undefined)
        this.edits.push(otherArguments(oldCertificate, formatArgument(fullChain), sources))
      if (oldKey !== undefined) this.edits.push(otherArguments(oldKey, formatArgument(key), sources))
    })
    this.edits.push(
      ...[...oldCertificates.slice(wanted.length), ...keys.slice(wanted.length)].map(one =>
        without(one, sources),
      ),
    )
    return wanted.flatMap(({ fullChain, key }, index) => [
      ...(oldCertificates[index] === undefined ? [lineOf('ssl_certificate', fullChain)] : []),
      ...(keys[index] === undefined && certificate.keyIsElsewhere !== true
        ? [lineOf('ssl_certificate_key', key)]
        : []),
    ])
  }

  /** Whether a directive, perhaps in an included file, counts for blocks of the certificate only. */
  #isOurs(directive: Directive, block: ServerBlock): boolean {
    if (isInSameFile(directive, block.directive)) return true
    const isSame = (other: Directive) =>
      isInSameFile(other, directive) && other.spans.all.start === directive.spans.all.start
    const others = this.#scene.blocks.filter(
      other =>
        other.directive.block?.some(isSame) === true &&
        !this.#found.targets.some(target => target.block === other && (target.tls || target.needsTls)),
    )
    const [first] = others
    if (first === undefined) return true
    this.#refuse(
      directive,
      `this file is included by the block at ${formatPlace(first.place)}, too, which is not one of the certificate's`,
    )
    return false
  }

  #tlsLines(block: ServerBlock): readonly string[] {
    const { tlsSettings, tlsFile } = this.#scene
    const own = (block.directive.block ?? []).find(({ name }) => tlsSettings.has(name))
    if (own === undefined) return [this.#include(tlsFile)]
    if (own.place.file !== tlsFile)
      this.notes.push(
        `${formatPlace(own.place)}: ${own.name} is set here, so the TLS settings of the block are left as they are`,
      )
    return []
  }

  #hstsLines({ block }: Target, splits: boolean): readonly string[] {
    const { wishes, sources } = this.#scene
    if (wishes.hstsSeconds === undefined) return []
    const stays = block.listens.find(
      listen =>
        !listen.isUdp &&
        !this.#found.sockets.some(
          socket => socket.speaksTls && socketKey(socket.listen) === socketKey(listen),
        ) &&
        !(splits && this.#isPlain(listen)),
    )
    if (stays !== undefined) {
      this.#refuse(
        block.directive,
        wishes.redirect
          ? `it would send Strict-Transport-Security without TLS at ${formatAddress(stays)}, which RFC 6797 forbids; give that listen a block of its own`
          : 'it answers plain requests as well, which must not carry Strict-Transport-Security (RFC 6797 §7.2): add --redirect, or leave it out with --no-hsts',
      )
      return []
    }
    const line = `add_header Strict-Transport-Security "max-age=${wishes.hstsSeconds}" always;`
    const children = block.directive.block ?? []
    const inner = blocksWithoutHsts(children)
    for (const one of inner) {
      if (isInSameFile(one, block.directive)) this.edits.push(linesLast(one, [this.#marked(line)], sources))
      else
        this.notes.push(
          `${formatPlace(one.place)}: this block has add_header of its own and so will not send Strict-Transport-Security; add there: ${line}`,
        )
    }
    const own = hstsOf(children)
    if (own !== undefined) {
      this.notes.push(
        `${formatPlace(own.place)}: Strict-Transport-Security is sent already (${own.args[1] ?? ''}), and stays so`,
      )
      return []
    }
    // A level with headers of its own inherits none.
    const inherited = children.some(({ name }) => name === 'add_header')
      ? []
      : block.outer
          .filter(({ name }) => name === 'add_header')
          .filter(one => one.args[0]?.toLowerCase() !== hstsHeader)
    return [...inherited.map(one => `${rawWords(one, sources)};`), line]
  }

  #marked(line: string): string {
    return `${line} ${this.#mark}`
  }

  #refuse({ place }: Directive, why: string): void {
    this.problems.push(`${formatPlace(place)}: ${why}`)
  }
}

const usualHttpsPort = 443

type Pair = { readonly directory: string; readonly fullChain: string; readonly key: string }

function wantedPairs({ liveDirectory, pair }: DeployableCertificate): readonly Pair[] {
  return [liveDirectory, ...(pair === undefined ? [] : [pair.otherDirectory])].map(directory => ({
    directory,
    fullChain: `${directory}/fullchain.pem`,
    key: `${directory}/privkey.pem`,
  }))
}
