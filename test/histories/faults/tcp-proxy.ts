import { connect, createServer, type Server, type Socket } from 'node:net'
import { reservePort } from '../../../core/tools/conformance/backends/ports.ts'

/** A way to a server that can be cut, held, and made to lose answers. */
export interface TcpProxy {
  readonly port: number
  /** Breaks all connections and refuses new ones. Resolves to the number of those that it broke. */
  cut(): Promise<number>
  restore(): Promise<void>
  /** Keeps back all data of both directions. */
  hold(): void
  /** Passes on what was held, or breaks its connections without. Returns the number of bytes. */
  release(passes: boolean): number
  /**
   * Waits for so many answers of the server, drops each and breaks its connection. Resolves to the number of
   * dropped bytes; early if the proxy is closed.
   */
  loseAnswers(count: number): Promise<number>
  /** Ends what is going on: nothing is held, and no answer is waited for. */
  calm(): void
  close(): Promise<void>
}

interface Way {
  readonly incoming: Socket
  readonly outgoing: Socket
  /** Data that is held back, with where it goes. */
  held: { readonly to: Socket; readonly data: Buffer }[]
}

/** Answers of a connection before it works for its client: greetings and settings. */
const HANDSHAKE = 5

/** Opens a way to the server on this port of 127.0.0.1. */
export async function openTcpProxy(target: number): Promise<TcpProxy> {
  const { port, release } = await reservePort()
  const proxy = new ServerWay(target, port, release)
  await proxy.restore()
  return proxy
}

class ServerWay implements TcpProxy {
  readonly port: number
  #target: number
  #free: () => void
  #ways = new Set<Way>()
  #holding = false
  #losing: { left: number; bytes: number; done: (bytes: number) => void } | undefined
  #server: Server | undefined

  constructor(target: number, port: number, free: () => void) {
    this.#target = target
    this.port = port
    this.#free = free
  }

  async restore(): Promise<void> {
    const listening = createServer((incoming) => this.#open(incoming))
    await new Promise<void>((resolve, reject) =>
      listening.once('error', reject).listen(this.port, '127.0.0.1', resolve),
    )
    this.#server = listening
  }

  #open(incoming: Socket): void {
    const outgoing = connect(this.#target, '127.0.0.1')
    const way: Way = { incoming, outgoing, held: [] }
    let answers = 0
    const pass = (to: Socket, data: Buffer): void => {
      if (this.#holding) way.held.push({ to, data })
      else to.write(data)
    }
    this.#ways.add(way)
    incoming.setNoDelay(true).on('data', (data: Buffer) => pass(outgoing, data))
    outgoing.setNoDelay(true).on('data', (data: Buffer) => {
      if (++answers <= HANDSHAKE || !this.#loses(way, data)) pass(incoming, data)
    })
    incoming
      .on('error', () => {})
      .on('close', () => {
        this.#ways.delete(way)
        outgoing.destroy()
      })
    outgoing.on('error', () => {}).on('close', () => incoming.destroySoon())
  }

  #loses(way: Way, data: Buffer): boolean {
    const losing = this.#losing
    if (losing === undefined) return false
    losing.left--
    losing.bytes += data.length
    breakOff(way)
    if (losing.left === 0) {
      losing.done(losing.bytes)
      this.#losing = undefined
    }
    return true
  }

  async cut(): Promise<number> {
    const closing = this.#server
    this.#server = undefined
    const closed = new Promise<void>((resolve) => {
      if (closing === undefined) resolve()
      else closing.close(() => resolve())
    })
    const broken = this.#ways.size
    for (const way of this.#ways) breakOff(way)
    await closed
    return broken
  }

  hold(): void {
    this.#holding = true
  }

  release(passes: boolean): number {
    this.#holding = false
    let bytes = 0
    for (const way of this.#ways) {
      const { held } = way
      way.held = []
      for (const { to, data } of held) {
        bytes += data.length
        if (passes) to.write(data)
      }
      if (!passes && held.length > 0) breakOff(way)
    }
    return bytes
  }

  loseAnswers(count: number): Promise<number> {
    return new Promise((done) => (this.#losing = { left: count, bytes: 0, done }))
  }

  calm(): void {
    this.#losing?.done(this.#losing.bytes)
    this.#losing = undefined
    this.release(true)
  }

  async close(): Promise<void> {
    this.calm()
    await this.cut()
    this.#free()
  }
}

function breakOff({ incoming, outgoing }: Way): void {
  incoming.resetAndDestroy()
  outgoing.destroy()
}
