import type { Duplex } from 'node:stream'
import type { Upgrade } from '../../../node-server/runtime/web-sockets/upgrade.ts'

/** The WebSocket upgrade response of the process that holds the socket. */
interface Answer {
  /** Header names and values of the WebSocket upgrade response that may be passed to the client. */
  readonly fields: readonly string[]
  readonly peer: Duplex
  /** Bytes that came after the head of the WebSocket upgrade response. */
  readonly head: Buffer
}

/**
 * Joins clients' connections with sockets that another process holds; bytes pass through unchanged. If that
 * process ends, only its own connections end.
 */
export class Tunnels {
  #open = new Set<Duplex>()

  /** Sends the other process's WebSocket upgrade response to the client, and joins both connections. */
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

  /** Closes all WebSocket tunnels when this process stops; clients reconnect through another process. */
  close(): void {
    for (const client of this.#open) client.destroy()
  }
}
