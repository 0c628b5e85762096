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

/** Opens a way to the server on this port of 127.0.0.1. */
export async function openTcpProxy(target: number): Promise<TcpProxy> {
  const { port, release: free } = await reservePort()
  const ways = new Set<Way>()
  let holding = false
  let losing: { left: number; bytes: number; done: (bytes: number) => void } | undefined
  let server: Server | undefined

  const loses = (way: Way, data: Buffer): boolean => {
    if (losing === undefined) return false
    losing.left--
    losing.bytes += data.length
    way.incoming.resetAndDestroy()
    way.outgoing.destroy()
    if (losing.left === 0) {
      losing.done(losing.bytes)
      losing = undefined
    }
    return true
  }
  const open = (incoming: Socket): void => {
    const outgoing = connect(target, '127.0.0.1')
    const way: Way = { incoming, outgoing, held: [] }
    // A connection's first answers belong to its handshake, so that only a connection that has worked loses.
    let answers = 0
    const pass = (to: Socket, data: Buffer): void => {
      if (holding) way.held.push({ to, data })
      else to.write(data)
    }
    ways.add(way)
    incoming.setNoDelay(true).on('data', (data: Buffer) => pass(outgoing, data))
    outgoing.setNoDelay(true).on('data', (data: Buffer) => {
      if (++answers <= HANDSHAKE || !loses(way, data)) pass(incoming, data)
    })
    incoming
      .on('error', () => {})
      .on('close', () => {
        ways.delete(way)
        outgoing.destroy()
      })
    outgoing.on('error', () => {}).on('close', () => incoming.destroySoon())
  }
  const restore = async (): Promise<void> => {
    const listening = createServer(open)
    await new Promise<void>((resolve, reject) =>
      listening.once('error', reject).listen(port, '127.0.0.1', resolve),
    )
    server = listening
  }
  const cut = async (): Promise<number> => {
    const closing = server
    server = undefined
    const closed = new Promise<void>((resolve) => {
      if (closing === undefined) resolve()
      else closing.close(() => resolve())
    })
    const broken = ways.size
    for (const { incoming, outgoing } of ways) {
      incoming.resetAndDestroy()
      outgoing.destroy()
    }
    await closed
    return broken
  }
  const release = (passes: boolean): number => {
    holding = false
    let bytes = 0
    for (const way of ways) {
      const { held } = way
      way.held = []
      for (const { to, data } of held) {
        bytes += data.length
        if (passes) to.write(data)
      }
      if (passes || held.length === 0) continue
      way.incoming.resetAndDestroy()
      way.outgoing.destroy()
    }
    return bytes
  }
  const calm = (): void => {
    losing?.done(losing.bytes)
    losing = undefined
    release(true)
  }
  await restore()
  return {
    port,
    cut,
    restore,
    hold: () => void (holding = true),
    release,
    loseAnswers: (count) => new Promise((done) => (losing = { left: count, bytes: 0, done })),
    calm,
    async close() {
      calm()
      await cut()
      free()
    },
  }
}

/** Answers of a connection before it works for its client: greetings and settings. */
const HANDSHAKE = 5
