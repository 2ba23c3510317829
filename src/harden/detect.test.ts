import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import type { Exec } from '../runtime/exec.ts'
import type { FsOps } from '../runtime/files.ts'
import { detectServer } from './detect.ts'
import { findServer } from './harden.ts'

const signal = new AbortController().signal

/** A machine with these files, and programs that print these texts. */
function machine(files: Readonly<Record<string, string>>, outputs: Readonly<Record<string, string>>) {
  const exec: Exec = async (program, args) => {
    const stdout = outputs[[program, ...args].join(' ')]
    if (stdout === undefined) throw new AppError('ERR_EXEC', `there is no program ${program}`)
    return { exitCode: 0, stdout, stderr: '' }
  }
  const facts = {
    kind: 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 1,
    mtimeMs: 0,
    ctimeMs: 0,
    dev: 1,
    ino: 1,
  } as const
  const fake: Pick<FsOps, 'facts' | 'list' | 'read'> = {
    facts: async path => (path in files ? facts : undefined),
    list: async path => [
      ...new Set(
        Object.keys(files)
          .filter(file => file.startsWith(path))
          .map(file => file.slice(path.length).split('/')[0] ?? ''),
      ),
    ],
    read: async path => Buffer.from(files[path] ?? ''),
  }
  return { exec, files: fake as FsOps } // of which nothing else is used
}

const cases = [
  {
    name: 'the library that nginx runs with, not the one it was built with',
    server: 'nginx',
    files: { '/usr/sbin/nginx': '' },
    outputs: {
      '/usr/sbin/nginx -V':
        'nginx version: nginx/1.28.1\nbuilt with OpenSSL 3.0.20 7 Apr 2026 (running with OpenSSL 3.5.2 5 Aug 2025)\n',
    },
    expected: {
      program: '/usr/sbin/nginx',
      version: [1, 28, 1],
      library: { kind: 'openssl', version: [3, 5, 2] },
    },
  },
  {
    name: 'the version inside the library that mod_ssl is linked with',
    server: 'apache',
    files: {
      '/usr/sbin/apache2': '',
      '/usr/lib/apache2/modules/mod_ssl.so': '',
      '/opt/lib/libcrypto.so.3': '\0\0OpenSSL 3.6.1 4 Nov 2026\0',
    },
    outputs: {
      '/usr/sbin/apache2 -v': 'Server version: Apache/2.4.71 (Debian)\n',
      'ldd /usr/lib/apache2/modules/mod_ssl.so':
        '\tlibssl.so.3 => /opt/lib/libssl.so.3 (0x0)\n\tlibcrypto.so.3 => /opt/lib/libcrypto.so.3 (0x0)\n',
    },
    expected: {
      program: '/usr/sbin/apache2',
      version: [2, 4, 71],
      library: { kind: 'openssl', version: [3, 6, 1] },
    },
  },
  {
    name: 'an nginx without OpenSSL and without ldd: the version alone',
    server: 'nginx',
    files: { '/usr/local/sbin/nginx': '' },
    outputs: { '/usr/local/sbin/nginx -V': 'nginx version: nginx/1.29.0\nbuilt with LibreSSL 4.0.0\n' },
    expected: { program: '/usr/local/sbin/nginx', version: [1, 29, 0] },
  },
  { name: 'nothing installed', server: 'nginx', files: {}, outputs: {}, expected: {} },
  {
    name: 'a program that cannot be run',
    server: 'nginx',
    files: { '/usr/sbin/nginx': '' },
    outputs: {},
    expected: { program: '/usr/sbin/nginx' },
  },
] as const

for (const { name, server, files, outputs, expected } of cases) {
  test(name, async () => {
    assert.deepEqual(await detectServer(findServer(server), machine(files, outputs), { signal }), expected)
  })
}
