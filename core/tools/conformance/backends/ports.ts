import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Ports below the range that systems take for outgoing connections and for `listen(0)` (Linux from 32768,
 * others from 49152): no such socket can take the port of a server between two starts.
 */
const FIRST = 20_000
const COUNT = 12_000

/** A TCP port on 127.0.0.1 that no other process of these tests is given before the release. */
export interface ReservedPort {
  readonly port: number
  release: () => void
}

/**
 * Reserves a port. The UDP port of the same number is held meanwhile: it ends with the process, so a crash
 * reserves nothing.
 */
export async function reservePort(): Promise<ReservedPort> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    const holder = createSocket('udp4')
    holder.bind({ port, address: '127.0.0.1', exclusive: true })
    try {
      await once(holder, 'listening')
      await listenOnce(port)
    } catch {
      // Taken: by another process of these tests, or by a server of somebody else.
      holder.close()
      continue
    }
    holder.unref()
    return { port, release: () => void holder.close() }
  }
}

async function listenOnce(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}
