/** The parts of a piece of configuration. */

/** One line (or one that is continued), with what it is for. */
export type Setting = {
  readonly text: string
  readonly why: string
  /** Who or what is lost by it. */
  readonly cost?: string | undefined
}

/** Lines that belong at one place. */
export type Block = {
  /** Where it goes: "in http { } or in a server { } that serves https". */
  readonly place: string
  /** A line before and after the lines, where the syntax has sections; the lines are indented then. */
  readonly open?: string
  readonly close?: string
  /** Before the lines of a section; four blanks when absent. */
  readonly indent?: string
  readonly settings: readonly Setting[]
  /** It cannot stand in the same file as the first block, so it is printed as comments to copy. */
  readonly apart?: true
}

/** Keeps what is wanted: `when(condition, setting)` in a list of settings. */
export function when(condition: boolean, ...settings: readonly Setting[]): readonly Setting[] {
  return condition ? settings : []
}
