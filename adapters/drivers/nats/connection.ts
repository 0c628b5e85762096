import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { UnmoorError } from '../../../core/errors.ts'
import { type ApiError, apiError, toUnmoorError } from './errors.ts'
import type { Server } from './server.ts'

/**
 * Asks for messages of a consumer: those that are there, or up to `batch` that come in `expires`
 * milliseconds.
 */
export interface Pull {
  batch: number
  expires?: number
  signal?: AbortSignal
  /** Given each message as it comes. */
  onMessage: (message: Msg) => void
}

/**
 * Milliseconds beyond its time after which a pull is given up. Servers (2.9.10, for one) leave some
 * unanswered where consumers compete: one whose time ran out while it waited for its turn, or one that does
 * not wait and whose messages another took.
 */
const PULL_GRACE = 500
/** Milliseconds after which a connection that does not answer a ping is dead. */
const PING_TIMEOUT = 5000

/**
 * Connects for the first request, and again for the first one after a loss. JetStream is spoken through
 * requests (https://docs.nats.io/reference/reference-protocols/nats_api_reference), so that the core client
 * is all that is needed.
 */
export class Connection {
  readonly name: string
  #server: Server
  #prepare: (client: NatsConnection) => Promise<void>
  #live: NatsConnection | undefined
  #connecting: Promise<NatsConnection> | undefined
  #closed = false
  /**
   * Ends the pulls that are under way on a connection when it is lost. A `then` of each pull on the client's
   * one promise of its end would be kept as long as the connection.
   */
  #lost = new WeakMap<NatsConnection, Set<(error: unknown) => void>>()

  /** `prepare` is called with each new connection before its first request; its error is that request's. */
  constructor(server: Server, prepare: (client: NatsConnection) => Promise<void>) {
    this.name = server.name
    this.#server = server
    this.#prepare = prepare
  }

  /** Connects now, to fail early. */
  async connect(): Promise<void> {
    await this.#client()
  }

  /** A request with its answer's text. */
  async request(
    subject: string,
    body: string | Uint8Array = '',
    headers?: Readonly<Record<string, string>>,
  ): Promise<string> {
    return this.#request(await this.#client(), subject, body, headers)
  }

  /** A publish that no answer is waited for. */
  async publish(subject: string, body: string): Promise<void> {
    const client = await this.#client()
    try {
      client.publish(subject, body)
    } catch (error) {
      throw toUnmoorError(error, this.name, false)
    }
  }

  /** A publish that JetStream has stored; on `client` while a connection is prepared. */
  async store(
    subject: string,
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>>,
    client?: NatsConnection,
  ): Promise<void> {
    this.#parse(await this.#request(client ?? (await this.#client()), subject, body, headers))
  }

  /** A call of JetStream's API; on `client` while a connection is prepared. */
  async api(subject: string, body?: unknown, client?: NatsConnection): Promise<Record<string, unknown>> {
    return this.#parse(
      await this.#request(
        client ?? (await this.#client()),
        `$JS.API.${subject}`,
        body === undefined ? '' : JSON.stringify(body),
      ),
    )
  }

  /**
   * Resolves when the pull is over: it was answered in full, its time is up, or the signal aborted and the
   * server sends no more.
   */
  async pull(stream: string, consumer: string, { batch, expires, signal, onMessage }: Pull): Promise<void> {
    const client = await this.#client()
    const inbox = this.#server.inbox()
    const lost = this.#onLoss(client)
    let left = batch
    await new Promise<void>((resolve, reject) => {
      const end = (error?: unknown): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        lost.delete(end)
        if (error === undefined) resolve()
        else reject(toUnmoorError(error, this.name, true))
      }
      let timer = setTimeout(
        () => {
          timer = setTimeout(() => {
            this.#drop(client)
            end(new UnmoorError('Unavailable', `NATS (${this.name}): a pull was not answered.`))
          }, PING_TIMEOUT)
          abort()
        },
        (expires ?? 0) + PULL_GRACE,
      )
      const subscription = client.subscribe(inbox, {
        callback: (error, message) => {
          if (error !== null && error !== undefined) end(error)
          else if (message.reply === undefined || message.reply === '') {
            // A heartbeat is 100; all other statuses end the pull.
            if (message.headers?.code === 100) return
            subscription.unsubscribe()
            end()
          } else {
            onMessage(message)
            if (--left > 0) return
            subscription.unsubscribe()
            end()
          }
        },
      })
      // A drain asks the server too, so that messages which it sent before it heard of the end still come.
      const abort = (): void => void subscription.drain().then(() => end(), end)
      lost.add(end)
      client.publish(
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
        JSON.stringify({
          batch,
          ...(expires === undefined ? { no_wait: true } : { expires: expires * 1e6 }),
        }),
        { reply: inbox },
      )
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted) abort()
    })
  }

  #onLoss(client: NatsConnection): Set<(error: unknown) => void> {
    const known = this.#lost.get(client)
    if (known !== undefined) return known
    const ends = new Set<(error: unknown) => void>()
    this.#lost.set(client, ends)
    void client.closed().then((error) => {
      for (const end of ends)
        end(error ?? new UnmoorError('Unavailable', `NATS (${this.name}): the connection was closed.`))
    })
    return ends
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#server.given === undefined) await this.#live?.close()
  }

  async #request(
    client: NatsConnection,
    subject: string,
    body: string | Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<string> {
    try {
      const answer = await client.request(subject, body, {
        timeout: this.#server.timeout,
        ...(headers === undefined ? {} : { headers: this.#server.headers(headers) }),
      })
      return answer.string()
    } catch (error) {
      const mapped = toUnmoorError(error, this.name, true)
      // A connection that does not answer may be dead; a new one tells.
      if (mapped.code === 'Timeout') this.#drop(client)
      throw mapped
    }
  }

  #parse(text: string): Record<string, unknown> {
    const answer = JSON.parse(text) as Record<string, unknown> & { error?: ApiError }
    if (answer.error !== undefined) throw apiError(answer.error, this.name)
    return answer
  }

  #drop(client: NatsConnection): void {
    if (client !== this.#live) return
    this.#live = undefined
    if (client !== this.#server.given) void client.close().catch(() => {})
  }

  async #client(): Promise<NatsConnection> {
    if (this.#live !== undefined && !this.#live.isClosed()) return this.#live
    this.#connecting ??= this.#open().finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  /** One attempt, shared by all who wait for it. */
  async #open(): Promise<NatsConnection> {
    let client: NatsConnection
    try {
      if (this.#closed)
        throw new UnmoorError('Unavailable', `NATS (${this.name}): the driver is closed.`, {
          retryable: false,
        })
      client = this.#server.given ?? (await this.#server.open())
    } catch (error) {
      throw toUnmoorError(error, this.name, false)
    }
    try {
      await this.#prepare(client)
      this.#live = client
      return client
    } catch (error) {
      if (client !== this.#server.given) await client.close().catch(() => {})
      const mapped = toUnmoorError(error, this.name, false)
      // What was to be sent was not.
      throw mapped.mayHaveApplied
        ? new UnmoorError('Unavailable', mapped.message, { cause: mapped.cause })
        : mapped
    }
  }
}
