import type { Duplex } from 'node:stream'
import type { Upgrade } from '../../../node-server/runtime/web-sockets/upgrade.ts'

/** The answer of the process that holds the socket. */
interface Answer {
  /** Names and values that may go on to the client. */
  readonly fields: readonly string[]
  readonly peer: Duplex
  /** What came behind the answer. */
  readonly head: Buffer
}

/**
 * Connections of clients to sockets that another process holds: bytes go through as they are. The end of that
 * process is the end of its connections, and of no others.
 */
export class Tunnels {
  #open = new Set<Duplex>()

  /** Answers the client as that process has, and joins both connections. */
  open(upgrade: Upgrade, { fields, peer, head }: Answer): void {
    const client = upgrade.handOver()
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
    for (let index = 0; index + 1 < fields.length; index += 2)
      lines.push(`${fields[index]}: ${fields[index + 1]}`)
    client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    if (head.length > 0) client.write(head)
    if (upgrade.head.length > 0) peer.write(upgrade.head)
    this.#open.add(client)
    const end = (): void => {
      this.#open.delete(client)
      client.destroy()
      peer.destroy()
    }
    for (const stream of [client, peer]) stream.on('error', end).on('close', end)
    client.pipe(peer)
    peer.pipe(client)
  }

  /** Cuts all of them: this process stops, and their clients connect again by another. */
  close(): void {
    for (const client of this.#open) client.destroy()
  }
}
