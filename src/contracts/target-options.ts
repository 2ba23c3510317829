/** What can be set for each target: one schema for the configuration and for the plugin. */
import { v } from '../base/schema.ts'
import { suggest } from '../base/suggest.ts'
import { clientTargetSchema } from './client-target.ts'
import { filesTargetSchema } from './files-target.ts'
import { nginxTargetSchema } from './nginx-target.ts'
import { kubernetesTargetSchema, sshTargetSchema, vaultTargetSchema } from './remote-targets.ts'
import { haproxyTargetSchema, serverTargetSchema, slapdTargetSchema } from './server-target.ts'
import {
  containerTargetSchema,
  execTargetSchema,
  processTargetSchema,
  restartIfOlderTargetSchema,
  systemdTargetSchema,
} from './service-targets.ts'

/**
 * The options of every target by name. A target is a line here and its deployer in the registry of plugins; one that can
 * do without options may be named alone in the configuration. @internal
 */
export const targetOptions = {
  apache: serverTargetSchema,
  coturn: serverTargetSchema,
  cups: serverTargetSchema,
  dovecot: serverTargetSchema,
  exim: serverTargetSchema,
  files: filesTargetSchema,
  haproxy: haproxyTargetSchema,
  mariadb: clientTargetSchema,
  mosquitto: serverTargetSchema,
  mysql: clientTargetSchema,
  lighttpd: serverTargetSchema,
  nghttpx: serverTargetSchema,
  nginx: nginxTargetSchema,
  postfix: serverTargetSchema,
  postgresql: clientTargetSchema,
  proftpd: serverTargetSchema,
  prosody: serverTargetSchema,
  rabbitmq: serverTargetSchema,
  redis: clientTargetSchema,
  slapd: slapdTargetSchema,
  stunnel: serverTargetSchema,
  systemd: systemdTargetSchema,
  process: processTargetSchema,
  exec: execTargetSchema,
  'restart-if-older': restartIfOlderTargetSchema,
  container: containerTargetSchema,
  ssh: sshTargetSchema,
  kubernetes: kubernetesTargetSchema,
  vault: vaultTargetSchema,
  valkey: clientTargetSchema,
  vsftpd: serverTargetSchema,
} as const

export type TargetKind = keyof typeof targetOptions
export type TargetOptions<Kind extends TargetKind> = v.InferOutput<(typeof targetOptions)[Kind]>

const kinds = Object.keys(targetOptions).toSorted()
/** Those that can do without options. */
export const bareTargets: readonly string[] = Object.entries<v.GenericSchema>(targetOptions)
  .filter(([, schema]) => v.is(schema, {}))
  .map(([kind]) => kind)

/** Schema of `deploy:` in the configuration: names, and maps with one target in each. @internal */
export const deploySchema = v.array(
  v.union(
    [
      v.picklist(bareTargets),
      v.pipe(
        v.strictObject(
          Object.fromEntries(
            Object.entries<v.GenericSchema>(targetOptions).map(([kind, schema]) => [
              kind,
              v.optional(schema),
            ]),
          ),
        ),
        v.check(
          target => Object.keys(target).length === 1,
          ({ input }) => oneTarget(Object.keys(input)),
        ),
      ),
    ],
    ({ input }) => whatItMustBe(input),
  ),
)
export type TargetEntry = v.InferOutput<typeof deploySchema>[number]

function oneTarget(found: readonly string[]): string {
  return found.length === 0
    ? `must name a target, one of: ${kinds.join(', ')}`
    : `must be one target, not ${found.length} (${found.join(', ')}): begin a list entry with each`
}

/** What people call it, and no slip of the finger explains. */
const otherNames: Readonly<Record<string, TargetKind>> = {
  httpd: 'apache',
  openldap: 'slapd',
  docker: 'container',
  podman: 'container',
  k8s: 'kubernetes',
  script: 'exec',
  service: 'systemd',
}

function whatItMustBe(input: unknown): string {
  if (typeof input !== 'string') return `must be a target, such as nginx or { files: { directory: DIR } }`
  if (kinds.includes(input)) return `must have options: { ${input}: { ... } }`
  const [, directory] = /^files:(\/.*)$/s.exec(input) ?? []
  if (directory !== undefined)
    return `must be a target: here that is written { files: { directory: ${directory} } }`
  const near = otherNames[input.toLowerCase()] ?? suggest(input, kinds)
  return `must be a target, found "${input}"${near === undefined ? `; there are: ${kinds.join(', ')}` : ` (did you mean ${near}?)`}`
}
