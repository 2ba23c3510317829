/** Who listens on a port, read from /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { printable } from '../../base/printable.ts'
import type { PortOwner } from '../network.ts'

/** The state LISTEN in /proc/net/tcp. */
const listening = '0A'

/** Tells on Linux, as far as the rights of this process reach; elsewhere it never knows. */
export function nodePortOwner(): PortOwner {
  return async port => {
    const sockets = new Set(
      ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(table => listeningInodes(readText(table), port)),
    )
    if (sockets.size === 0) return undefined
    // Processes that inherited the socket have it too; the first one is their parent.
    const pid = processIds().find(candidate => holdsOneOf(candidate, sockets))
    if (pid === undefined) return undefined
    return `${printable(readText(`/proc/${pid}/comm`).trim()) || 'a process'} (pid ${pid})`
  }
}

/** The inodes of the sockets that listen on `port`, from the text of /proc/net/tcp. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const rows = table.split('\n').slice(1)
  return rows.flatMap(row => {
    const columns = row.trim().split(/\s+/)
    const [, local, , state] = columns
    const inode = columns[9]
    const localPort = Number.parseInt(local?.split(':')[1] ?? '', 16)
    return state === listening && localPort === port && inode !== undefined ? [inode] : []
  })
}

function processIds(): readonly number[] {
  return readNames('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .sort((one, other) => one - other)
}

function holdsOneOf(pid: number, inodes: ReadonlySet<string>): boolean {
  const directory = `/proc/${pid}/fd`
  return readNames(directory).some(name => {
    const inode = /^socket:\[(\d+)\]$/.exec(readTarget(`${directory}/${name}`))?.[1]
    return inode !== undefined && inodes.has(inode)
  })
}

// Processes come and go, and those of others are closed to us: what cannot be read is empty.

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function readNames(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function readTarget(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
