import type { NatsConnection } from '@nats-io/transport-node'
import type { SocketsDeclaration } from '../../../core/bindings/declarations.ts'
import type { DriverFactory, SocketsDriver } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { SOCKET_LIMITS } from '../../../core/limits.ts'
import { StayConnected } from '../shared/stay-connected.ts'
import { Connection } from './connection.ts'
import { type NatsFactoryOptions, server, token } from './server.ts'

/**
 * Bytes around a sockets message that processes send each other over NATS, and the factor by which base64
 * enlarges it.
 */
const OVERHEAD = 8192
const BASE64 = 4 / 3

/**
 * Sockets driver that sends messages between processes on subjects of NATS core, which stores nothing. So
 * this driver has no tickets.
 */
export const sockets: DriverFactory<'sockets', NatsFactoryOptions> = async (options, context) => {
  const { app, binding, declaration } = context
  const { largeMessages } = declaration as SocketsDeclaration
  const largest = SOCKET_LIMITS[largeMessages === true ? 'sockets.largeMessage' : 'sockets.message']
  const subject = `${token(options.prefix ?? 'unmoor')}.sockets.${token(app)}.${token(binding)}`
  return new NatsSockets(await server(options, context), {
    subject,
    binding,
    needed: Math.ceil(largest * BASE64) + OVERHEAD,
  })
}

interface Settings {
  readonly subject: string
  readonly binding: string
  /** Bytes of the largest text that the sockets transport sends over NATS. */
  readonly needed: number
}

class NatsSockets implements SocketsDriver {
  #connection: Connection
  #settings: Settings
  #stay: StayConnected
  #process: string | undefined
  #receive: (text: string) => void = () => {}

  constructor(of: Awaited<ReturnType<typeof server>>, settings: Settings) {
    this.#settings = settings
    this.#connection = new Connection(of, async (client) => this.#prepare(client))
    this.#stay = new StayConnected(`NATS (${of.name})`, () => this.#connection.connect())
  }

  async listen(process: string, receive: (text: string) => void): Promise<void> {
    this.#process = process
    this.#receive = receive
    await this.#connection.connect()
  }

  async broadcast(text: string): Promise<void> {
    await this.#connection.publish(`${this.#settings.subject}.all`, text)
  }

  /**
   * Sends a text to another process over NATS. The server reports at once if nobody listens; a process that
   * listens answers before it reads the text.
   */
  async send(process: string, text: string): Promise<boolean> {
    try {
      await this.#connection.request(this.#subjectOf(process), text)
      return true
    } catch (error) {
      const cause = error instanceof UnmoorError ? error.cause : undefined
      if (isNoResponders(cause)) return false
      throw error
    }
  }

  async close(): Promise<void> {
    this.#stay.close()
    await this.#connection.close()
  }

  /** Prepares each new NATS connection of the sockets driver before its first request. */
  async #prepare(client: NatsConnection): Promise<void> {
    const { binding, needed, subject } = this.#settings
    const most = client.info?.max_payload ?? Infinity
    if (most < needed)
      throw new UnmoorError(
        'Unsupported',
        `Binding "${binding}": NATS (${this.#connection.name}) takes messages of ${most} bytes, and those ` +
          `of this binding need ${needed}. Set max_payload: ${needed} in the server's configuration.`,
        { binding, operation: 'start' },
      )
    if (this.#process === undefined) return
    client.subscribe(`${subject}.all`, {
      callback: (error, message) => {
        if (error === null) this.#receive(message.string())
      },
    })
    client.subscribe(this.#subjectOf(this.#process), {
      callback: (error, message) => {
        if (error !== null) return
        message.respond()
        this.#receive(message.string())
      },
    })
    // The flush makes sure that the NATS server has both subscriptions before this process takes its first
    // socket.
    await client.flush()
    void client.closed().then(() => this.#stay.lost())
  }

  #subjectOf(process: string): string {
    return `${this.#settings.subject}.to.${process}`
  }
}

/** True for the NATS error that nobody listens. The client wraps the server's error in another one. */
function isNoResponders(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const known = error as Error & { isNoResponders?: () => boolean }
  return known.isNoResponders?.() === true || isNoResponders(error.cause)
}
