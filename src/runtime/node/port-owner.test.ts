import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeListenHttp } from './listen-http.ts'
import { listeningInodes, nodePortOwner } from './port-owner.ts'

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1 0 100 0 0 10 0
   1: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 1002 1 0 20 4 30 10 -1
   2: 0100007F:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1003 1 0 100 0 0 10 0
`

describe('node port owner', () => {
  it('reads the sockets that listen on a port', () => {
    assert.deepEqual(listeningInodes(table, 80), ['1001'])
    assert.deepEqual(listeningInodes(table, 443), ['1003'])
    assert.deepEqual(listeningInodes(table, 8080), [])
    assert.deepEqual(listeningInodes('', 80), [])
  })

  it('finds this process', { skip: process.platform !== 'linux' && 'needs /proc' }, async () => {
    const answer = () => ({ status: 404, body: '' })
    const addresses = ['127.0.0.1', '::1'].map(host => ({ host, port: 0 }))
    const portOwner = nodePortOwner()
    const listener = await nodeListenHttp()(addresses, answer)
    for (const { port } of listener.addresses) {
      assert.match((await portOwner(port)) ?? '', new RegExp(`^\\S.* \\(pid ${process.pid}\\)$`))
    }
    await listener[Symbol.asyncDispose]()
    for (const { port } of listener.addresses) assert.equal(await portOwner(port), undefined)
  })
})
