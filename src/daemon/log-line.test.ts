import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../base/instant.ts'
import type { LogFields, LogLevel } from '../base/log.ts'
import { formatLogLine, type LogStyle } from './log-line.ts'

const at = instant(Date.UTC(2030, 0, 1))

for (const { style, level = 'info', fields = {}, expected } of [
  { style: 'plain', expected: '2030-01-01T00:00:00Z info  it-happened\n' },
  {
    style: 'plain',
    level: 'error',
    fields: { a: 'b' },
    expected: '2030-01-01T00:00:00Z error it-happened a=b\n',
  },
  { style: 'journal', level: 'error', expected: '<3>it-happened\n' },
  { style: 'journal', level: 'warn', expected: '<4>it-happened\n' },
  { style: 'journal', expected: '<6>it-happened\n' },
  { style: 'journal', level: 'debug', expected: '<7>it-happened\n' },
  {
    style: 'journal',
    fields: { count: 2, ok: true, absent: undefined, names: ['a.example', 'b.example'], text: 'two words' },
    expected: '<6>it-happened count=2 ok=true names=a.example,b.example text="two words"\n',
  },
  {
    style: 'journal',
    fields: {
      lines: 'one\ntwo',
      quotes: 'say "a"',
      equals: 'a=b',
      empty: '',
      control: '\u001b[31m\r<3>fake',
    },
    expected:
      '<6>it-happened lines="one; two" quotes="say \\"a\\"" equals="a=b" empty="" control=\\u{1b}[31m\\u{d}<3>fake\n',
  },
  {
    style: 'json',
    fields: { count: 2, names: ['a.example'], absent: undefined, text: 'one\ntwo' },
    expected:
      '{"time":"2030-01-01T00:00:00Z","level":"info","event":"it-happened","count":2,"names":["a.example"],"text":"one\\ntwo"}\n',
  },
] satisfies readonly { style: LogStyle; level?: LogLevel; fields?: LogFields; expected: string }[]) {
  test(`a log line: ${expected.trim()}`, () => {
    assert.equal(formatLogLine({ at, level, event: 'it-happened', fields }, style), expected)
  })
}
