import type { Socket } from 'node:net'
import type { Usage } from '../usage.ts'

/** Bytes of each TCP connection that have already been counted as usage. */
const wire = new WeakMap<Socket, { read: number; written: number }>()

/** Adds the bytes that passed over a connection since its last counted request. */
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
