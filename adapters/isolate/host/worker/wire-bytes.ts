import type { Socket } from 'node:net'
import type { Usage } from '../usage.ts'

/** Bytes of a connection that have been counted. */
const wire = new WeakMap<Socket, { read: number; written: number }>()

/** Counts what went over a connection since the last request of it. */
export function countBytes(socket: Socket, usage: Usage): void {
  let seen = wire.get(socket)
  if (seen === undefined) {
    seen = { read: 0, written: 0 }
    wire.set(socket, seen)
  }
  const { bytesRead, bytesWritten } = socket
  usage.bytesIn += bytesRead - seen.read
  usage.bytesOut += bytesWritten - seen.written
  seen.read = bytesRead
  seen.written = bytesWritten
}
