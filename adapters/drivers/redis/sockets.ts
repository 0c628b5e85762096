import type { DriverContext, DriverFactory, TicketedSocketsDriver } from '../../../core/bindings/drivers.ts'
import { StayConnected } from '../shared/stay-connected.ts'
import { Connection } from './connection.ts'
import { keyPrefix, type RedisFactoryOptions, type RedisSubscriber } from './server.ts'

/**
 * Sockets driver on Redis: processes send each other messages by PUBLISH, and a ticket is a key that expires.
 */
export const sockets: DriverFactory<'sockets', RedisFactoryOptions> = (options, context) =>
  create(options, context)

/**
 * Sockets driver that can store tickets; it is the same as {@link sockets}, because every Redis server can
 * store tickets.
 */
export const ticketedSockets: DriverFactory<'ticketedSockets', RedisFactoryOptions> = (options, context) =>
  create(options, context)

async function create(options: RedisFactoryOptions, context: DriverContext): Promise<RedisSockets> {
  const connection = await Connection.create(options, context)
  return new RedisSockets(connection, keyPrefix(options, context.app, context.binding))
}

class RedisSockets implements TicketedSocketsDriver {
  #connection: Connection
  #prefix: string
  #all: string
  #own = ''
  #receive: (text: string) => void = () => {}
  #subscriber: RedisSubscriber | undefined
  #stay: StayConnected
  #isClosed = false

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection
    this.#prefix = prefix
    this.#all = `${prefix}:sockets`
    this.#stay = new StayConnected(`Redis (${connection.name})`, () => this.#subscribe())
  }

  async listen(process: string, receive: (text: string) => void): Promise<void> {
    this.#own = this.#channelOf(process)
    this.#receive = receive
    await this.#subscribe()
  }

  async broadcast(text: string): Promise<void> {
    await this.#connection.write('PUBLISH', this.#all, text)
  }

  /**
   * Sends a text to one process of a sockets binding by PUBLISH. True if Redis reports at least one receiver.
   */
  async send(process: string, text: string): Promise<boolean> {
    return Number(await this.#connection.write('PUBLISH', this.#channelOf(process), text)) > 0
  }

  async saveTicket(id: string, value: string, seconds: number): Promise<void> {
    await this.#connection.write('SET', this.#ticketKey(id), value, 'EX', String(seconds))
  }

  async takeTicket(id: string): Promise<string | null> {
    const value = (await this.#connection.write('GETDEL', this.#ticketKey(id))) as Buffer | null
    return value === null ? null : value.toString()
  }

  close(): void {
    this.#isClosed = true
    this.#stay.close()
    this.#subscriber?.disconnect()
    this.#connection.close()
  }

  async #subscribe(): Promise<void> {
    const subscriber = await this.#connection.openSubscriber(
      (_channel, text) => this.#receive(text),
      () => {
        if (this.#subscriber === subscriber) this.#stay.lost()
      },
    )
    this.#subscriber = subscriber
    for (const channel of [this.#all, this.#own]) await this.#connection.subscribe(subscriber, channel)
    if (this.#isClosed) subscriber.disconnect()
  }

  #channelOf(process: string): string {
    return `${this.#all}:${process}`
  }

  #ticketKey(id: string): string {
    return `${this.#prefix}:ticket:${id}`
  }
}
