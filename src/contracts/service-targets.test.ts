import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeIssues, parseWith } from '../base/schema.ts'
import { type TargetKind, targetOptions } from './target-options.ts'

const endpoints = ['a.example:993']

const good: readonly (readonly [TargetKind, object])[] = [
  ['systemd', { unit: 'nginx' }],
  ['systemd', { unit: 'postgresql@17-main.service', action: 'restart', directory: '/etc/tls', endpoints }],
  ['process', { 'pid-file': '/run/x.pid' }],
  ['process', { 'pid-file': '/run/x.pid', program: 'x', signal: 'USR1' }],
  ['process', { program: 'ngircd', port: 6697, write: [{ path: '/k', format: 'key' }] }],
  ['exec', { command: ['/usr/local/bin/push', '--all'], undo: ['/bin/true'], timeout: '5 min' }],
  ['restart-if-older', { unit: 'mosquitto' }],
  ['restart-if-older', { program: 'mosquitto', restart: ['/usr/sbin/service', 'mosquitto', 'restart'] }],
  ['container', { name: 'web-1', exec: ['nginx', '-s', 'reload'] }],
  ['container', { label: 'com.docker.compose.service=web', signal: 'HUP', runtime: 'podman' }],
  ['container', { label: 'web', restart: true, runtime: '/opt/bin/nerdctl', endpoints }],
]
for (const [kind, options] of good) {
  test(`${kind}: ${JSON.stringify(options)} is good`, () => {
    assert.deepEqual(parseWith(targetOptions[kind], options), { ok: true, value: options })
  })
}

const wrong: readonly (readonly [TargetKind, object, RegExp])[] = [
  ['systemd', {}, /unit: is missing/],
  ['systemd', { unit: '-H' }, /unit: must be the name of a unit/],
  ['systemd', { unit: 'a b' }, /unit: must be the name of a unit/],
  ['systemd', { unit: '/etc/systemd/system/a.service' }, /unit: must be the name of a unit/],
  ['systemd', { unit: 'a', action: 'stop' }, /action: must be one of reload-or-restart, reload, restart/],
  ['systemd', { unit: 'a', owner: 'mail' }, /must have a directory or files for the owner/],
  ['systemd', { unit: 'a', directory: '/e', mode: 644 }, /must not let everybody read a private key/],
  ['systemd', { unit: 'a', write: [{ path: 'k', format: 'key' }] }, /must have a directory, or files/],
  ['systemd', { unit: 'a', reload: ['/bin/true'] }, /reload: unknown member/],
  ['process', {}, /must have a pid-file, or the name of a program/],
  ['process', { 'pid-file': 'x.pid' }, /pid-file: must be an absolute path/],
  ['process', { program: '/usr/bin/x' }, /program: must be the name of a program/],
  ['process', { program: 'x', signal: 'KILL' }, /signal: must be one of HUP, USR1/],
  ['process', { 'pid-file': '/p', port: 25 }, /port only together with a program/],
  ['process', { 'pid-file': '/p', program: 'x', port: 25 }, /port only together with a program/],
  ['exec', { command: [] }, /command: must name a program/],
  ['exec', { command: ['/bin/x'], timeout: '0 s' }, /timeout: must be a time/],
  ['restart-if-older', { restart: ['/bin/x'] }, /must have either a unit, or/],
  ['restart-if-older', { unit: 'a', program: 'a' }, /must have either a unit, or/],
  ['restart-if-older', { program: 'a' }, /must have restart/],
  ['container', { exec: ['a'] }, /either the name or a label/],
  ['container', { name: 'a', label: 'b', restart: true }, /either the name or a label/],
  ['container', { name: 'a' }, /exactly one of: exec, signal, restart/],
  ['container', { name: 'a', restart: true, signal: 'HUP' }, /exactly one of: exec, signal, restart/],
  ['container', { name: 'a', restart: false }, /restart: must be true/],
  ['container', { name: '--all', restart: true }, /name: must be the name of a container/],
  ['container', { name: 'a', restart: true, runtime: 'crictl' }, /runtime: must be docker, podman/],
]
for (const [kind, options, message] of wrong) {
  test(`${kind}: ${JSON.stringify(options)} is refused`, () => {
    const parsed = parseWith<unknown>(targetOptions[kind], options)
    assert.match(parsed.ok ? 'good' : describeIssues(parsed.issues), message)
  })
}
