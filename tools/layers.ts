/**
 * Who may import whom: the table of the architecture, as rules for dependency-cruiser.
 *
 * `base` is the ground; `acme` is the vocabulary, on which `x509` and then `jose` stand; `harden` is a table of settings; `client`, `server` and `plugins` are strangers to each other; `manage`
 * knows contracts and no plugin; `daemon` is a manager that stays; `cli` joins everything.
 */
import type { IForbiddenRuleType } from 'dependency-cruiser'

// Where `runtime` stands in a list its interfaces are meant; `runtime/node`, the real outside world, has its own rule.
const vocabulary = ['base', 'runtime', 'x509', 'acme']
const clientMay = [...vocabulary, 'jose']

const folders: Readonly<Record<string, readonly string[]>> = {
  base: [],
  runtime: ['base'],
  acme: ['base'],
  x509: ['base', 'acme'],
  jose: ['base', 'x509'],
  harden: ['base', 'runtime'],
  'tls-scan': vocabulary,
  contracts: vocabulary,
  client: clientMay,
  server: [...clientMay, 'contracts'],
  plugins: [...clientMay, 'contracts', 'harden'],
  manage: [...clientMay, 'contracts', 'client'],
  testing: [...clientMay, 'contracts', 'client', 'server', 'plugins'],
  daemon: [...clientMay, 'contracts', 'client', 'plugins', 'manage'],
  cli: [...clientMay, 'contracts', 'client', 'server', 'plugins', 'manage', 'daemon', 'harden', 'tls-scan'],
}

/** Third-party packages, each behind one file or folder of ours. */
const packages: Readonly<Record<string, string>> = {
  valibot: '^src/base/schema[.]ts$',
  yaml: '^src/manage/config/document[.]ts$',
  '@valibot/to-json-schema': '^src/manage/config/json-schema[.]ts$',
  commander: '^src/cli/',
  '@clack/prompts': '^src/cli/',
  '@bomb.sh/tab': '^src/cli/',
  hono: '^src/server/',
  tldts: '^src/manage/limits/registered-domain[.]ts$',
  nodemailer: '^src/plugins/notifiers/email[.]ts$',
}

/** Modules of Node that reach outside the process. */
const outsideModules = [
  ...[
    'fs',
    'net',
    'tls',
    'http',
    'https',
    'http2',
    'dgram',
    'dns',
    'child_process',
    'worker_threads',
    'cluster',
  ],
  ...['os', 'process', 'readline', 'sqlite', 'timers'],
]

const tests = '[.]test[.]ts$'
const doors = '^src/([^/]+/index|index)[.]ts$'
const realWorld = '^src/runtime/node/'
const alternatives = (names: readonly string[]) => names.map(name => name.replaceAll('.', '[.]')).join('|')

const folderRules = Object.entries(folders).map(
  ([folder, mayImport]): IForbiddenRuleType => ({
    name: `folder-${folder}`,
    comment: `${folder} may import ${mayImport.length === 0 ? 'nothing of ours' : mayImport.join(', ')}`,
    severity: 'error',
    from: { path: `^src/${folder}/`, pathNot: tests },
    to: { path: '^src/', pathNot: `^src/(${alternatives([folder, ...mayImport])})/` },
  }),
)

const packageRules = Object.entries(packages).map(
  ([name, place]): IForbiddenRuleType => ({
    name: `package-${name}`,
    comment: `${name} stays behind ${place}`,
    severity: 'error',
    from: { path: '^src/', pathNot: [tests, place] },
    to: { path: `node_modules/${name}/` },
  }),
)

/** Every rule; each has a planted violation in `check-layers.test.ts`. */
export const layerRules: readonly IForbiddenRuleType[] = [
  ...folderRules,
  {
    name: 'folder-unknown',
    comment: 'a new folder of src needs a line in tools/layers.ts',
    severity: 'error',
    from: { path: '^src/[^/]+/', pathNot: `^src/(${alternatives(Object.keys(folders))})/` },
    to: {},
  },
  {
    name: 'package-door',
    comment: 'the library is everything below the programs',
    severity: 'error',
    from: { path: '^src/[^/]+$' },
    to: { path: '^src/(cli|testing)/' },
  },
  {
    name: 'no-cycle',
    comment: 'type imports included',
    severity: 'error',
    from: { path: '^src/' },
    to: { circular: true },
  },
  {
    name: 'no-barrel',
    comment: 'inside, import the file that defines the thing; index.ts is for the public',
    severity: 'error',
    from: { path: '^src/', pathNot: [doors, tests] },
    to: { path: '/index[.]ts$' },
  },
  {
    name: 'door-of-a-folder-only',
    comment: 'index.ts exists only at public doors',
    severity: 'error',
    from: { path: '/index[.]ts$', pathNot: doors },
    to: {},
  },
  {
    name: 'real-world',
    comment: 'the real runtime is an argument: only programs, doors and tests choose it',
    severity: 'error',
    from: { path: '^src/', pathNot: [tests, doors, realWorld, '^src/(cli|testing)/'] },
    to: { path: realWorld },
  },
  {
    name: 'outside-modules',
    comment: 'only runtime reaches outside the process',
    severity: 'error',
    from: { path: '^src/', pathNot: [tests, '^src/(runtime|testing)/'] },
    to: { path: `^(node:)?(${alternatives(outsideModules)})(/|$)`, dependencyTypes: ['core'] },
  },
  ...packageRules,
  {
    name: 'package-unknown',
    comment: 'a new dependency needs a line in tools/layers.ts and a record in docs/adr',
    severity: 'error',
    from: { path: '^src/', pathNot: tests },
    to: {
      path: 'node_modules/',
      pathNot: `node_modules/(${alternatives(Object.keys(packages))}|@types/node)/`,
    },
  },
  {
    name: 'unresolved',
    comment: 'an import that leads nowhere would escape every other rule',
    severity: 'error',
    from: { path: '^src/' },
    to: { couldNotResolve: true },
  },
  {
    name: 'manage-backwards',
    comment: 'config, observe, plan and store know nothing of execute',
    severity: 'error',
    from: { path: '^src/manage/(config|observe|plan|store)/', pathNot: tests },
    to: { path: '^src/manage/(execute/|manager[.]ts)' },
  },
  {
    name: 'manage-notify-apart',
    comment: 'who tells people is told what happened, and knows nothing of how it came about',
    severity: 'error',
    from: { path: '^src/manage/notify/', pathNot: tests },
    to: { path: '^src/manage/(execute/|plan/|manager[.]ts|apply-)' },
  },
  {
    name: 'manage-plan-pure',
    comment: 'a plan is made from values: it knows what an observation is made of, and cannot make one',
    severity: 'error',
    from: { path: '^src/manage/plan/', pathNot: tests },
    to: {
      path: '^src/manage/(store|observe)/',
      pathNot: '^src/manage/(observe/(observation|endpoint-result)|store/stored-certificate)[.]ts$',
      dependencyTypesNot: ['type-only'],
    },
  },
  {
    name: 'manage-execute-plan',
    comment:
      'execute carries out actions; it does not plan, but writes down when there will be something to plan',
    severity: 'error',
    from: { path: '^src/manage/execute/', pathNot: tests },
    to: { path: '^src/manage/plan/', pathNot: '^src/manage/plan/(action|advice|renewal-time)[.]ts$' },
  },
]
