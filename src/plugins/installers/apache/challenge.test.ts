import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAppError } from '../../../base/errors.ts'
import { challengeSnippet } from '../../deployers/nginx/challenge-snippet.ts'
import { apacheChallengeSnippet } from './challenge.ts'
import { parseApacheFile } from './document.ts'

test('the snippet is what Apache reads, whatever the webroot is called', () => {
  const text = apacheChallengeSnippet({ webroot: '/srv/the "web" root/' })
  const nodes = parseApacheFile({ name: 'f', text })
  const directory = '/srv/the "web" root/.well-known/acme-challenge/'
  assert.deepEqual(
    nodes.map(({ name, args }) => [name, ...args]),
    [
      ['alias', '/.well-known/acme-challenge/', directory],
      ['directory', directory],
      ['location', '/.well-known/acme-challenge/'],
      ['ifmodule', 'rewrite_module'],
    ],
  )
})

for (const [server, snippet] of Object.entries({ nginx: challengeSnippet, apache: apacheChallengeSnippet })) {
  test(`what was installed into ${server} does not say how that is done by hand`, () => {
    assert.match(
      snippet({ webroot: '/srv' }),
      /Made by: certwright tls snippet \w+ --challenge\n#\n# 1\. Save this/,
    )
    assert.match(
      snippet({ webroot: '/srv', madeBy: 'certwright install x y' }),
      /^# .* Made by: certwright install x y\n\n/,
    )
  })
}

for (const webroot of ['srv', '/srv/$1', '/srv/100%', '/srv/a\nb']) {
  test(`refused: ${JSON.stringify(webroot)}`, () => {
    assert.throws(
      () => apacheChallengeSnippet({ webroot }),
      error => isAppError(error, 'ERR_FORMAT'),
    )
  })
}
