import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * First TCP port that tests reserve for servers. The range lies below the ephemeral ports (Linux from 32768,
 * others from 49152), so an outgoing connection or `listen(0)` cannot take a server's port between two
 * starts.
 */
const FIRST = 20_000
const COUNT = 12_000

/**
 * A TCP port on 127.0.0.1 that is reserved for one test server: no other test process gets it before its
 * release.
 */
export interface ReservedPort {
  readonly port: number
  release: () => void
}

/**
 * Reserves a TCP port by holding the UDP port of the same number. The UDP socket ends with the process, so a
 * crash leaves nothing reserved.
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
      // If the chosen TCP port is taken by another test process or an unrelated server, another one is tried.
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
