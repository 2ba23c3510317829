/** Every configuration of the corpus is read without loss, and edited so that the real nginx accepts it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { textOfBytes } from '../../src/base/byte-text.ts'
import { parseFile } from '../../src/plugins/deployers/nginx/config.ts'
import { createNginxDeployer } from '../../src/plugins/deployers/nginx/nginx.ts'
import { createNginxInstaller } from '../../src/plugins/installers/nginx/nginx-installer.ts'
import { printDirectives } from '../../src/plugins/installers/nginx/print.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { openCorpus } from '../support/corpus.ts'
import { always, describeEdits, type Refusals } from '../support/corpus-edits.ts'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'

/** What nginx itself cannot split into words, so we need not either. */
const unreadable = new Map([
  ['empty-directive.conf', /:1: unexpected ";"/],
  ['text-behind-a-quote.conf', /:1: unexpected "y" after a quoted text/],
  ['missing-brace.conf', /:1: "server" has no end/],
  ['brace-too-many.conf', /:1: unexpected "}"/],
  ['quote-without-end.conf', /:1: a quoted text has no end/],
  ['word-before-the-brace-at-the-end.conf', /:1: unexpected "}"/],
  ['unquoted-quantifier.conf', /./],
])

const corpus = openCorpus('nginx', {
  mainFiles: ['nginx.conf'],
  mainText: directory => {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      kind => `    ${kind}_temp_path ${directory}/tmp/${kind};\n`,
    )
    const user = process.getuid?.() === 0 ? 'user root;\n' : ''
    return `${user}error_log stderr;\npid ${directory}/nginx.pid;\nevents {}\nhttp {\n    access_log off;\n${temporary.join('')}    include sites/*.conf;\n}\n`
  },
})

for (const kind of ['sites', 'layouts', 'foreign', 'refused'] as const) {
  describe(`${kind}: what is parsed can be printed`, async () => {
    for (const [name, bytes] of await corpus.files(kind)) {
      const { text } = textOfBytes(bytes)
      test(name, () => {
        const wrong = unreadable.get(name)
        if (wrong === undefined) assert.equal(printDirectives(parseFile({ name, text }), text), text)
        else {
          assert.throws(
            () =>
              printDirectives(parseFile({ name, text }), text) ?? assert.fail(`${name}:1: not understood`),
            error => wrong.test(String(error)),
          )
        }
      })
    }
  })
}

/** Where it cannot be done as asked, and why. */
const refusals: Refusals = {
  'another-program-owns-it': always(
    /another-program-owns-it\.conf:\d: it says "# Ansible managed: do not edit/,
  ),
  'bigger-hash-needed': { redirect: /:2: a redirect would send visitors of a-very-long-name/ },
  'block-in-parts': { redirect: /shop\/listen\.conf:1: the redirect needs a block of its own/ },
  'catch-all-only': always(/no server block of nginx answers for shop\.example, www\.shop\.example/),
  'certificate-for-others-too': always(/:4: the block also answers for other\.example/),
  'dotted-name': { redirect: /visitors of \.shop\.example/ },
  'many-names': { redirect: /visitors of n0\.shop\.example, .* and 175 more/ },
  'names-in-several-lines': { redirect: /visitors of alias\.shop\.example/ },
  'other-names-beside': { redirect: /visitors of other\.example/ },
  'other-port-only': always(/answers for shop\.example at 0\.0\.0\.0:8080 .*left alone/),
  'other-port-too': { redirect: /Strict-Transport-Security without TLS at 0\.0\.0\.0:8080/ },
  panel: always(/vhosts\/shop\.conf:\d+: it says "# DO NOT MODIFY THIS FILE/),
  'plain-on-443': always(
    /:1: 0\.0\.0\.0:443 cannot be used for https: .*:6 listens there for something else/,
  ),
  'redirect-without-target': always(/:1: it sends everything on to https, and no block answers there/),
  'regex-beside-exact': { redirect: /visitors of ~\^w\{3\}/ },
  'shared-certificate': always(
    /certificate\.conf:1: this file is included by the block at .*other\.conf:1, too/,
  ),
  'socket-in-the-file-system': { redirect: /without TLS at unix:/ },
  'some-names-have-tls': always(
    /:1: another block answers https for shop\.example, none for www\.shop\.example/,
  ),
  'specific-beside-wildcard': always(/:7: https at 127\.0\.0\.1:443 alone would hide .*:2/),
  'trailing-wildcard': { redirect: /visitors of www\.shop\.\*/ },
  'wildcard-name': { redirect: /visitors of \*\.shop\.example/ },
}

describeEdits('nginx', {
  corpus,
  refusals,
  skip: skipWithout('nginx', 'openssl'),
  toolsFor: (directory, config) => {
    const program = requireProgram('nginx')
    const options = { program, config, prefix: directory, reload: ['/bin/true'] }
    const runtime = nodeRuntime()
    return {
      installer: createNginxInstaller(options, runtime),
      deployer: createNginxDeployer(options, runtime),
      test: () => runProgram(program, ['-p', directory, '-c', config, '-t']),
    }
  },
})
