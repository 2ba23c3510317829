/** `certwright check`: looks, before the CA is asked, at all that an issuance and its delivery need. */
import { type CheckReport, checkCertificates } from '../../manage/check/check.ts'
import { type CheckOutcome, checkNames, checkOutcomes, type Finding } from '../../manage/check/finding.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { failureLines } from '../error-text.ts'
import { styled } from '../text.ts'
import { createWorkbench, findSpec, loadCommandConfig } from '../workbench.ts'
import { noCertificates } from './plan.ts'

/** Checks one certificate, or all. Fails when something failed; warnings are no failure. */
export async function check(
  context: CommandContext,
  { args }: { readonly args: readonly string[] },
): Promise<CommandResult> {
  const { state, onEvent, signal, globals } = context
  const config = await loadCommandConfig(context)
  const specs = args[0] === undefined ? config.certificates : [findSpec(config, args[0])]
  await using bench = createWorkbench(context, config)
  const { clientFor, solverFor, deployerFor, runtime } = bench
  const { account } = config
  const options = { state, account, clientFor, solverFor, deployerFor, onEvent, signal }
  const report = await checkCertificates(specs, options, runtime)
  const failed = allFindings(report).some(({ outcome }) => outcome === 'failed')
  return {
    exitCode: failed ? exitCodes.failed : exitCodes.done,
    text: `${checkText(report, globals.color)}${specs.length === 0 ? noCertificates : ''}`,
    json: {
      ok: !failed,
      machine: report.machine,
      authorities: report.authorities.map(({ id, findings }) => ({ authority: id, findings })),
      certificates: report.certificates,
    },
  }
}

const words: Readonly<Record<CheckOutcome, string>> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'FAILED',
  skipped: 'skipped',
}
const colors = { ok: 'green', warning: 'yellow', failed: 'red', skipped: undefined } as const

/** A list for each thing that was looked at; how many there are of each outcome below. Pure. */
export function checkText(report: CheckReport, color: boolean): string {
  const blocks = [
    { title: 'this machine', findings: report.machine },
    ...report.authorities.map(({ id, findings }) => ({ title: id, findings })),
    ...report.certificates.map(({ name, findings }) => ({ title: name, findings })),
  ]
  const all = allFindings(report)
  const counts = checkOutcomes.flatMap(outcome => {
    const count = all.filter(found => found.outcome === outcome).length
    return count === 0 ? [] : [`${count} ${words[outcome]}`]
  })
  const lines = blocks.flatMap(({ title, findings }) => [
    title,
    ...findings.flatMap(found => findingLines(found, color)),
    '',
  ])
  return [...lines, counts.join(', '), ''].join('\n')
}

const wordWidth = Math.max(...Object.values(words).map(word => word.length))
const nameWidth = Math.max(...checkNames.map(name => name.length))

function findingLines({ name, outcome, text, hint }: Finding, color: boolean): readonly string[] {
  const format = colors[outcome]
  const word = words[outcome].padEnd(wordWidth)
  const shown = format === undefined ? word : styled(color, format, word)
  const head = `  ${shown}  ${name.padEnd(nameWidth)}  `
  const below = ' '.repeat(wordWidth + nameWidth + 6)
  return failureLines({ message: text, hint }).map((line, index) => (index === 0 ? head : below) + line)
}

function allFindings({ machine, authorities, certificates }: CheckReport): readonly Finding[] {
  return [
    ...machine,
    ...authorities.flatMap(({ findings }) => findings),
    ...certificates.flatMap(({ findings }) => findings),
  ]
}
