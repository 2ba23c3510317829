/** Every configuration of the corpus is read without loss, and edited so that the real Apache httpd accepts it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { textOfBytes } from '../../src/base/byte-text.ts'
import { createApacheDeployer } from '../../src/plugins/deployers/apache/apache.ts'
import { createApacheInstaller } from '../../src/plugins/installers/apache/apache-installer.ts'
import { parseApacheFile, printApacheNodes } from '../../src/plugins/installers/apache/document.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { openCorpus } from '../support/corpus.ts'
import { always, describeEdits, type Refusals } from '../support/corpus-edits.ts'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'

const moduleDirectory = '/usr/lib/apache2/modules' // of Debian
const modules = [
  ...['mpm_event', 'authz_core', 'authn_core', 'authz_user', 'authn_file', 'auth_basic', 'alias', 'rewrite'],
  ...['headers', 'env', 'setenvif', 'proxy', 'proxy_http', 'macro', 'ssl'],
]

const corpus = openCorpus('apache', {
  mainFiles: ['httpd.conf', 'apache2.conf', 'conf/httpd.conf'],
  mainText: directory => `ServerRoot ${directory}
DefaultRuntimeDir ${directory}/run
Mutex file:${directory}/run default
PidFile ${directory}/run/pid
ErrorLog ${directory}/run/error
ServerName localhost
Listen 80
Listen 8080
${modules.map(name => `LoadModule ${name}_module ${moduleDirectory}/mod_${name}.so`).join('\n')}
IncludeOptional sites/*.conf
`,
  replaced: { '@MODULES@': moduleDirectory },
})

/** What Apache does not take for whole sections either. */
const unreadable = new Map([
  ['section-without-end.conf', /:1: <virtualhost> has no end/],
  ['end-without-section.conf', /:2: unexpected "<\/virtualhost>"/],
  ['crossed.conf', /:3: unexpected "<\/virtualhost>"/],
])

for (const kind of ['sites', 'layouts', 'refused'] as const) {
  describe(`${kind}: what is parsed can be printed`, async () => {
    for (const [name, bytes] of await corpus.files(kind)) {
      const { text } = textOfBytes(bytes)
      test(name, () => {
        const wrong = unreadable.get(name)
        const print = () => printApacheNodes(parseApacheFile({ name, text }), text)
        if (wrong === undefined) assert.equal(print(), text)
        else assert.throws(print, error => wrong.test(String(error)))
      })
    }
  })
}

/** Where it cannot be done as asked, and why. */
const refusals: Refusals = {
  'all-ports': always(/:1: it is for \*, too, which is not port 80 alone/),
  'another-program-owns-it': always(/:\d: it says "# This file is managed by Puppet"/),
  'certificate-for-others-too': always(/:6: .* also answers for other\.example/),
  'continued-lines': { redirect: /:1: .* visitors of alias\.shop\.example, more\.shop\.example/ },
  macro: always(/no virtual host .*\n.*macro\.conf:6: what comes from this macro/),
  'other-port': always(/:1: it is for \*:8080, too/),
  'plain-on-443': always(/:2: \*:443 cannot be used for https: .*:6 answers there without TLS/),
  'redirect-without-target': always(/:1: it sends everything on to https/),
  'wildcard-alias': { redirect: /visitors of \*\.shop\.example/ },
  'without-tls': always(/Apache runs without mod_ssl/),
}

describeEdits('Apache', {
  corpus,
  refusals,
  skip: skipWithout('apache2', 'openssl'),
  toolsFor: (_directory, config) => {
    const program = requireProgram('apache2')
    const options = { program, config, reload: ['/bin/true'] as [string] }
    const runtime = nodeRuntime()
    return {
      installer: createApacheInstaller(options, runtime),
      deployer: createApacheDeployer(options, runtime),
      test: () => runProgram(program, ['-f', config, '-t']),
    }
  },
})
