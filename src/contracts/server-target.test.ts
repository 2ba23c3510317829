import assert from 'node:assert/strict'
import { test } from 'node:test'
import { v } from '../base/schema.ts'
import { haproxyTargetSchema, serverTargetSchema, slapdTargetSchema } from './server-target.ts'

for (const schema of [serverTargetSchema, haproxyTargetSchema, slapdTargetSchema])
  test(`the files of a server, its key among them, are never for everybody: ${Object.keys(schema.entries).length} options`, () => {
    for (const mode of ['0640', '0600', 440]) assert.ok(v.safeParse(schema, { mode }).success, String(mode))
    for (const mode of ['0644', 644, '0604']) {
      const { issues = [] } = v.safeParse(schema, { mode })
      assert.match(issues[0]?.message ?? '', /must not let everybody read a private key/, String(mode))
    }
  })
