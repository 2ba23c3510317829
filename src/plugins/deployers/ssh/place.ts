/** Another machine, and how it is logged in to. */
import type { TargetOptions } from '../../../contracts/target-options.ts'

export type SshPlace = Pick<
  TargetOptions<'ssh'>,
  'host' | 'user' | 'port' | 'identity-file' | 'known-hosts-file'
>

/** The other machine, for people. */
export function placeName({ host, user, port }: SshPlace): string {
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`
}
