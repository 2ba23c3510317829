/** From settings to the text of a file. */

import type { HardenedSettings, HardeningOptions } from './hardened-settings.ts'
import { hstsRamp } from './hsts.ts'
import type { HardenedServer } from './server.ts'
import type { Block, Setting } from './setting.ts'

/** Columns of a comment. */
const width = 110

/** The file, comments on its use in it; with `explain` also on each line. */
export function renderSettings(
  server: HardenedServer,
  settings: Omit<HardenedSettings, 'text'>,
  { explain = false, madeBy, isInPlace = false }: Pick<HardeningOptions, 'explain' | 'madeBy' | 'isInPlace'>,
): string {
  const comment = (text: string) => commented(text, server.comment)
  const how = { comment, explain, mark: server.comment }
  const title = comment(
    `${beginning(server)}${who(settings)}: profile ${settings.profile} of Mozilla's guideline ${settings.guideline}.`,
  )
  // In one line, so that it can be copied.
  const made = madeBy === undefined ? [] : [`${server.comment} Made by: ${madeBy}`]
  const use = isInPlace
    ? []
    : [
        `${server.added === true ? 'Add it to' : 'Save it, for example, as'} ${server.file}, then: ${server.apply}`,
      ]
  const head = [
    ...use,
    ...settings.warnings.map(warning => `WARNING: ${warning}`),
    ...settings.notes,
    ...(explain ? notHere(server, settings) : []),
  ]
  return [
    ...title,
    ...made,
    ...head.flatMap(comment),
    ...settings.blocks.flatMap(block => ['', ...renderBlock(block, how)]),
    '',
  ].join('\n')
}

/** What every text for a server begins with, after the mark of a comment. */
export function beginning({ title }: HardenedServer): string {
  return `TLS settings of ${title}`
}

function who({ version, library }: Pick<HardenedSettings, 'version' | 'library'>): string {
  return `${version === undefined ? '' : ` ${version}`}${library === undefined ? '' : ` with ${library}`}`
}

/** What administrators look for and will not find. */
function notHere({ web }: HardenedServer, { blocks }: Pick<HardenedSettings, 'blocks'>): readonly string[] {
  const all = blocks.flatMap(({ settings }) => settings.map(({ text }) => text)).join('\n')
  return [
    ...(/dhe-rsa/i.test(all.replaceAll(/ecdhe/gi, ''))
      ? []
      : ['No DHE ciphers, so no file with a group for them (dhparam) is needed.']),
    ...(/stapl/i.test(all)
      ? []
      : ["No OCSP stapling: Let's Encrypt and others have no responders any more."]),
    ...(web === true && !/strict-transport|stsSeconds/i.test(all)
      ? [`No HSTS yet. It goes step by step, with --hsts ${hstsRamp()}.`]
      : []),
    'No public key pins (HPKP): browsers have dropped them, and a lost key locked everybody out.',
  ]
}

type How = {
  readonly comment: (text: string) => readonly string[]
  readonly explain: boolean
  readonly mark: string
}

function renderBlock(
  { place, open, close, indent, settings, apart }: Block,
  { comment, explain, mark }: How,
): readonly string[] {
  const before = open === undefined ? '' : (indent ?? '    ')
  const line = ({ text, why, cost }: Setting): readonly string[] => [
    ...(explain ? comment(why).map(one => `${before}${one}`) : []),
    ...(explain && cost !== undefined ? comment(`Cost: ${cost}`).map(one => `${before}${one}`) : []),
    ...text.split('\n').map(part => `${before}${part}`),
  ]
  const lines = [
    ...(open === undefined ? [] : [open]),
    ...settings.flatMap(line),
    ...(close === undefined ? [] : [close]),
  ]
  return [
    ...comment(`Place: ${place}.`),
    // Lines to be copied stand out from the comments by their indentation.
    ...(apart === true ? lines.map(text => (text.startsWith(mark) ? text : `${mark}     ${text}`)) : lines),
  ]
}

function commented(text: string, mark: string): readonly string[] {
  const lines: string[] = []
  let current = mark
  for (const word of text.split(' ')) {
    if (current !== mark && current.length + 1 + word.length > width) {
      lines.push(current)
      current = mark
    }
    current += ` ${word}`
  }
  return [...lines, current]
}
