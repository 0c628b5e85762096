import { sendWithTrailer } from '../../../core/bindings/queue.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import type { Manifest } from '../../../core/manifest.ts'
import { callBinding, encodeError } from '../../../core/runtime/rpc.ts'
import { OpenTransactions } from '../../../core/runtime/transaction-channel.ts'
import { weigh } from '../guest/web/bridge/weigh.ts'
import {
  decodeArgument,
  encodeResult,
  outboundFromGuest,
  requestFromGuest,
  responseToGuest,
} from './codec.ts'
import type { Jobs } from './jobs.ts'
import type { OutboundRequest } from './outbound/client.ts'
import { cryptoError } from './crypto/calls.ts'
import { deriveLater } from './crypto/kdf.ts'
import { generateLater } from './crypto/keys.ts'
import { type RequestOf, SocketCalls, type TransportOf } from './socket-calls.ts'
import { describe, StreamTable } from './streams.ts'
import { KeyTable } from './crypto/subtle.ts'
import { GuestWebSockets, type WebSocketHost } from './web-sockets.ts'
import { zlibError } from './zlib/now.ts'
import { ZlibTable } from './zlib/streams.ts'

/**
 * Services of this process that the calls of an isolate's code reach, such as the app's bindings and the
 * network.
 */
export interface Services {
  readonly manifest: Manifest
  readonly env: Readonly<Record<string, unknown>>
  /** Sends a request of the app to the network. */
  fetch(request: OutboundRequest): Promise<Response>
  /** Removes from an error's text what a tenant need not know of this machine, such as paths. */
  redact(text: string): string
  /** Queue of the app's cryptography and compression jobs. */
  readonly jobs: Jobs
  /** Returns the transport of the app's sockets binding. Default: the app has no sockets. */
  readonly sockets?: TransportOf | undefined
  /** Network of an existing Worker's WebSockets. Default: the app is none, and has none. */
  readonly webSockets?: WebSocketHost | undefined
}

/**
 * Most calls of one isolate at once. The guest has a lower limit of its own (`guest/web/bridge/lane.ts`);
 * this one holds if a tenant has got around that.
 */
const MAX_CALLS = 2000

type Send = (...message: [string, ...unknown[]]) => void

/** Functions of an isolate's engine and events that its {@link Calls} use. */
interface CallsOwner {
  readonly charge: (microseconds: number) => void
  readonly keep: (bytes: number) => void
  readonly requestOf: RequestOf
}

/**
 * Answers the asynchronous calls of one isolate's guest. Every argument is data that a tenant may have made
 * up.
 */
export class Calls {
  readonly streams: StreamTable
  #services: Services
  #send: Send
  #keys = new KeyTable()
  #zlib = new ZlibTable()
  #charge: (microseconds: number) => void
  #keep: (bytes: number) => void
  #open = 0
  #transactions = new OpenTransactions()
  #isClosed = false
  #sockets: SocketCalls | undefined
  /** WebSockets of an existing Worker; undefined for an app of unmoor's own bindings. */
  readonly webSockets: GuestWebSockets | undefined
  #fetches = new Map<unknown, AbortController>()
  #signals = new Map<unknown, AbortController>()

  /**
   * `charge` is called with microseconds of the isolate's work off the main thread. `keep` is called with the
   * bytes of a call when it begins, and with the negative number when it ends. `requestOf` returns a request
   * that is under way.
   */
  constructor(services: Services, send: Send, { charge, keep, requestOf }: CallsOwner) {
    this.#services = services
    this.#charge = charge
    this.#keep = keep
    this.#send = send
    this.streams = new StreamTable(send)
    if (services.sockets !== undefined)
      this.#sockets = new SocketCalls(services.manifest, services.sockets, requestOf)
    if (services.webSockets !== undefined)
      this.webSockets = new GuestWebSockets(send, services.webSockets, this.streams)
  }

  /**
   * Handles a message of the isolate's code about a call. Returns false if the message is about something
   * else.
   */
  handle(message: readonly unknown[]): boolean {
    const [operation, a, b, c, d] = message
    if (typeof operation !== 'string') return false
    switch (operation) {
      case 'call':
        void this.#answer(a, b, Array.isArray(c) ? c : [])
        return true
      case 'fetchAbort':
        this.#fetches.get(a)?.abort()
        return true
      case 'signal':
        this.#signals.get(a)?.abort()
        return true
      case 'keyRelease':
        this.#keys.release(a)
        return true
      case 'zlibClose':
        this.#zlib.close(a)
        return true
      case 'webSocket':
        this.webSockets?.handle(a, b, c, d)
        return true
    }
    return this.streams.handle(operation, a, b)
  }

  /** Ends all calls of the isolate, because the isolate has ended. */
  close(error: Error): void {
    this.streams.break(error)
    this.webSockets?.close()
    this.#zlib.clear()
    this.#transactions.close()
    this.#isClosed = true
    this.#rollBackObjects()
    for (const controller of [...this.#fetches.values(), ...this.#signals.values()]) controller.abort(error)
  }

  async #answer(id: unknown, operation: unknown, data: readonly unknown[]): Promise<void> {
    const weight = weigh(data)
    this.#open++
    this.#keep(weight)
    try {
      if (this.#open > MAX_CALLS) throw new RangeError(`More than ${MAX_CALLS} calls are under way.`)
      this.#send('ok', id, await this.#run(operation, data))
    } catch (error) {
      this.#send(
        'error',
        id,
        error instanceof UnmoorError ? { unmoor: encodeError(error) } : describeWithCause(error),
      )
    } finally {
      this.#open--
      this.#keep(-weight)
    }
  }

  // Rolls back transactions that this isolate has begun in Durable Objects. Otherwise the next isolate would
  // work within them, and could not begin its own.
  #rollBackObjects(): void {
    const { manifest, env } = this.#services
    for (const [binding, { kind }] of Object.entries(manifest.bindings))
      if (kind === 'objects') (env[binding] as { rollBack(): void }).rollBack()
  }

  #run(operation: unknown, data: readonly unknown[]): Promise<unknown> {
    switch (operation) {
      case 'binding':
        return this.#binding(String(data[0]), String(data[1]), data[2], data[3])
      case 'socket':
        return this.#socket(data[0], data[1], data[2])
      case 'bindingFetch':
        return this.#bindingFetch(data[0], data[1], String(data[2]))
      case 'fetch':
        return this.#fetch(data[0], (signal) =>
          this.#services.fetch({ ...outboundFromGuest(data[1], this.streams), signal }),
        )
      case 'webSocketConnect':
        if (this.webSockets === undefined) throw new TypeError('This app has no WebSockets.')
        return this.webSockets.connect(data[0], data[1])
      case 'subtle':
        return this.#services.jobs.run(() => this.#keys.call(data[0], data[1]), this.#charge)
      case 'crypto.derive':
        return this.#services.jobs.run(() => deriveLater(data).catch(cryptoError), this.#charge)
      case 'crypto.keyPair':
        return this.#services.jobs.run(() => generateLater(data).catch(cryptoError), this.#charge)
      case 'zlib':
        return this.#services.jobs.run(
          () => this.#zlib.feed(data[0], data[1], data[2], data[3]),
          this.#charge,
        )
      case 'zlib.feed': {
        const [id, mode, options, bytes, after] = data
        return this.#services.jobs.run(
          () => this.#zlib.feedNode({ id, mode, options, bytes, after }).catch(zlibError),
          this.#charge,
        )
      }
    }
    throw new TypeError(`There is no call "${String(operation)}"`)
  }

  /**
   * Answers a call to a Durable Object's storage. Errors are returned, because an exception would carry this
   * process's stack into the isolate.
   */
  sync([, binding, object, text, params]: readonly unknown[]): unknown {
    const { manifest, env } = this.#services
    try {
      // A call to a Durable Object that arrives after its isolate was stopped is refused.
      if (this.#isClosed) throw new Error('The isolate was stopped.')
      if (
        typeof binding !== 'string' ||
        typeof object !== 'string' ||
        typeof text !== 'string' ||
        !Array.isArray(params)
      )
        throw new TypeError('a malformed call')
      if (!Object.hasOwn(manifest.bindings, binding) || manifest.bindings[binding]?.kind !== 'objects')
        throw new TypeError(`There is no ${binding}.query().`)
      const driver = env[binding] as { query(object: string, text: string, params: unknown[]): unknown }
      return { value: driver.query(object, text, params) }
    } catch (error) {
      const described = describe(error)
      return { error: { ...described, message: this.#services.redact(described.message) } }
    }
  }

  async #binding(binding: string, method: string, args: unknown, trailer: unknown): Promise<unknown> {
    const used: unknown[] = []
    const context = {
      binding,
      operation: method,
      streams: this.streams,
      signal: (id: unknown, aborted: boolean): AbortSignal => {
        const controller = new AbortController()
        if (aborted) controller.abort()
        this.#signals.set(id, controller)
        used.push(id)
        return controller.signal
      },
    }
    try {
      const { manifest, env } = this.#services
      const decoded = Array.isArray(args) ? args.map((value) => decodeArgument(value, context)) : []
      const call = { binding, method, args: decoded }
      const result = sendWithTrailer(trailer, () => callBinding(manifest, env, call, this.#transactions))
      return { value: await encodeResult(await result, this.streams) }
    } catch (error) {
      return this.#failure(error)
    } finally {
      for (const id of used) this.#signals.delete(id)
    }
  }

  async #socket(binding: unknown, operation: unknown, data: unknown): Promise<unknown> {
    try {
      const value = await this.#sockets?.call(binding, operation, Array.isArray(data) ? data : [])
      return { value }
    } catch (error) {
      return this.#failure(error)
    }
  }

  /** Returns the WebSocket ticket of a request that is under way. */
  ticket([, binding, event]: readonly unknown[]): string | undefined {
    return this.#sockets?.ticket(binding, event)
  }

  // Encodes an error for the isolate's code. A cause crosses the bridge as its name and message, because
  // callers look at its kind.
  #failure(error: unknown): { error: object; cause?: object } {
    const redacted = <T extends { message: string }>(data: T): T => ({
      ...data,
      message: this.#services.redact(data.message),
    })
    const data = redacted(isUnmoorError(error) ? error.toJSON() : describe(error))
    return error instanceof Error && error.cause instanceof Error
      ? { error: data, cause: redacted(describe(error.cause)) }
      : { error: data }
  }

  async #bindingFetch(id: unknown, data: unknown, binding: string): Promise<unknown> {
    const { manifest, env } = this.#services
    const kind = Object.hasOwn(manifest.bindings, binding) ? manifest.bindings[binding]?.kind : undefined
    if (kind !== 'service' && kind !== 'assets')
      throw new UnmoorError('InvalidArgument', `There is no ${binding}.fetch().`, {
        binding,
        operation: 'fetch',
      })
    const target = env[binding] as { fetch(request: Request): Promise<Response> }
    return this.#fetch(id, (signal) => target.fetch(requestFromGuest(data, this.streams, signal)))
  }

  async #fetch(id: unknown, send: (signal: AbortSignal) => Promise<Response>): Promise<unknown> {
    const controller = new AbortController()
    this.#fetches.set(id, controller)
    let response: Response
    try {
      response = await send(controller.signal)
    } catch (error) {
      this.#fetches.delete(id)
      throw error
    }
    // An abort of the app's `fetch` also ends the response's body, so its controller is kept until the body
    // is read.
    const { body } = response
    if (body === null) {
      this.#fetches.delete(id)
      return responseToGuest(response, this.streams, null)
    }
    const forget = (): void => void this.#fetches.delete(id)
    // The method `cancel` of a transformer is newer than TypeScript's type of transformers.
    const transformer: Transformer<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> & { cancel(): void } = {
      flush: forget,
      cancel: forget,
    }
    return responseToGuest(response, this.streams, body.pipeThrough(new TransformStream(transformer)))
  }
}

// An error of Node's own `fetch` (undici) says only "fetch failed"; its cause has the reason.
function describeWithCause(error: unknown): { name: string; message: string } {
  const described = describe(error)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
  return cause === '' ? described : { ...described, message: `${described.message}: ${cause}` }
}
