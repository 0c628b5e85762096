import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { UnmoorError } from '../../../core/errors.ts'
import { type ApiError, apiError, toUnmoorError } from './errors.ts'
import type { Server } from './server.ts'

/**
 * A pull request to a JetStream consumer: for the messages that are there, or for up to `batch` messages that
 * arrive within `expires` milliseconds.
 */
export interface Pull {
  batch: number
  expires?: number
  signal?: AbortSignal
  /** Called with each message of a NATS pull as it arrives. */
  onMessage: (message: Msg) => void
}

/**
 * Milliseconds beyond its `expires` after which a NATS pull is abandoned. Servers (2.9.10, for one) leave
 * some pulls unanswered when consumers compete: a pull whose time ran out while it waited for its turn, or
 * one that does not wait and whose messages another consumer took.
 */
const PULL_GRACE = 500
/** Milliseconds after which a NATS connection that does not answer a ping counts as dead. */
const PING_TIMEOUT = 5000

/**
 * A NATS connection that is opened for the first request, and again for the first request after a loss.
 * JetStream is used through plain requests
 * (https://docs.nats.io/reference/reference-protocols/nats_api_reference), so only the core client is needed.
 */
export class Connection {
  readonly name: string
  #server: Server
  #prepare: (client: NatsConnection) => Promise<void>
  #live: NatsConnection | undefined
  #connecting: Promise<NatsConnection> | undefined
  #closed = false
  /**
   * Callbacks that end the pulls under way on a NATS connection when it is lost. Attaching a `then` of each
   * pull to the client's one `closed` promise would keep all of them as long as the connection.
   */
  #lost = new WeakMap<NatsConnection, Set<(error: unknown) => void>>()

  /**
   * Calls `prepare` with each new NATS connection before its first request. An error of `prepare` fails that
   * request.
   */
  constructor(server: Server, prepare: (client: NatsConnection) => Promise<void>) {
    this.name = server.name
    this.#server = server
    this.#prepare = prepare
  }

  /** Connects to the NATS server now, so that a wrong configuration fails early. */
  async connect(): Promise<void> {
    await this.#client()
  }

  /** Sends a NATS request and returns the text of its answer. */
  async request(
    subject: string,
    body: string | Uint8Array = '',
    headers?: Readonly<Record<string, string>>,
  ): Promise<string> {
    return this.#request(await this.#client(), subject, body, headers)
  }

  /** Publishes a NATS message without waiting for an answer. */
  async publish(subject: string, body: string): Promise<void> {
    const client = await this.#client()
    try {
      client.publish(subject, body)
    } catch (error) {
      throw toUnmoorError(error, this.name, false)
    }
  }

  /**
   * Publishes a NATS message and waits until JetStream has stored it. `client` is passed while a connection
   * is being prepared.
   */
  async store(
    subject: string,
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>>,
    client?: NatsConnection,
  ): Promise<void> {
    this.#parse(await this.#request(client ?? (await this.#client()), subject, body, headers))
  }

  /** Calls JetStream's API. `client` is passed while a NATS connection is being prepared. */
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
   * Resolves when the NATS pull is over: it was answered in full, its time is up, or the signal was aborted
   * and the server sends no more.
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
            // Status 100 of a NATS pull is a heartbeat; all other statuses end the pull.
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
      // A drain of the NATS subscription also tells the server, so that messages which were sent before the
      // server saw the end still arrive.
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
      // A NATS connection that does not answer may be dead, so it is dropped and the next request opens a new
      // one.
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

  /** Opens a NATS connection. Concurrent callers share one attempt. */
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
      // The NATS connection never opened, so the request was not sent and cannot have been applied.
      throw mapped.mayHaveApplied
        ? new UnmoorError('Unavailable', mapped.message, { cause: mapped.cause })
        : mapped
    }
  }
}
