import { connect, createServer, type Server, type Socket } from 'node:net'
import { reservePort } from '../../core/tools/conformance/backends/ports.ts'

/** A way to a server that can be watched, held and cut. */
export interface Detour {
  readonly port: number
  /** Resolves when clients have sent this text since the last call, whether it was held or passed. */
  sent(text: string): Promise<void>
  /** Keeps back what clients send from now on, so that they get no answers. Connections stay. */
  hold(): void
  /** Lets pass what was held, and all that follows. */
  release(): void
  /** Breaks the connections that are; new ones pass. */
  drop(): void
  /** Breaks the connections that are by a reset, as a server that dies does; new ones pass. */
  reset(): void
  /** Breaks the connections that are, and refuses new ones. */
  cut(): Promise<void>
  restore(): Promise<void>
  /** Ends it for good. */
  close(): Promise<void>
}

export async function openDetour(target: { port: number; host?: string }): Promise<Detour> {
  const { port, release } = await reservePort()
  const ways = new Set<Way>()
  const traffic = new Traffic()
  let holding = false
  let server: Server | undefined
  const listen = async (): Promise<void> => {
    const listening = createServer((incoming) => {
      const way = new Way(incoming, connect(target.port, target.host ?? '127.0.0.1'), traffic, holding)
      ways.add(way)
      incoming.once('close', () => ways.delete(way))
    })
    await new Promise<void>((resolve, reject) =>
      listening.once('error', reject).listen(port, '127.0.0.1', resolve),
    )
    server = listening
  }
  const drop = (): void => {
    for (const way of ways) way.destroy()
  }
  const cut = async (): Promise<void> => {
    const closing = server
    server = undefined
    const closed = new Promise((resolve) =>
      closing === undefined ? resolve(undefined) : closing.close(resolve),
    )
    drop()
    await closed
  }
  await listen()
  return {
    port,
    sent: (text) => traffic.includes(text),
    hold() {
      holding = true
      for (const way of ways) way.hold()
    },
    release() {
      holding = false
      for (const way of ways) way.release()
    },
    drop,
    reset() {
      for (const way of ways) way.reset()
    },
    cut,
    restore: listen,
    async close() {
      await cut()
      release()
    },
  }
}

/** One connection through a detour. */
class Way {
  #incoming: Socket
  #outgoing: Socket
  #held: Buffer[] | undefined

  constructor(incoming: Socket, outgoing: Socket, traffic: Traffic, held: boolean) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    if (held) this.#held = []
    incoming.on('data', (data: Buffer) => {
      if (this.#held === undefined) outgoing.write(data)
      else this.#held.push(data)
      traffic.add(data)
    })
    outgoing.on('data', (data) => incoming.write(data))
    incoming.on('error', () => {}).on('close', () => outgoing.destroy())
    outgoing.on('error', () => {}).on('close', () => incoming.destroySoon())
  }

  hold(): void {
    this.#held ??= []
  }

  release(): void {
    for (const data of this.#held ?? []) this.#outgoing.write(data)
    this.#held = undefined
  }

  reset(): void {
    this.#incoming.resetAndDestroy()
    this.#outgoing.destroy()
  }
  destroy(): void {
    this.#incoming.destroy()
    this.#outgoing.destroy()
  }
}

/** What all clients have sent, up to the text that was last waited for. */
class Traffic {
  #text = ''
  #waiting: (() => void) | undefined

  add(data: Buffer): void {
    this.#text += data.toString('latin1')
    this.#waiting?.()
  }

  async includes(text: string): Promise<void> {
    while (!this.#text.includes(text)) await new Promise<void>((resolve) => (this.#waiting = resolve))
    this.#text = this.#text.slice(this.#text.indexOf(text) + text.length)
  }
}
