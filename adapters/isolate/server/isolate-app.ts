import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type { QueueIncoming, QueueSettlement } from '../../../core/bindings/drivers.ts'
import type { SocketEvent, SocketState } from '../../../core/bindings/socket-transport.ts'
import type { ClientHeader } from '../../../core/client.ts'
import type { Context } from '../../../core/context.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { type AppEvent, currentEvent, runEvent } from '../../node-server/runtime/events.ts'
import { Exchange } from '../../node-server/runtime/http/exchange.ts'
import { type HeaderList, headerList, reasonPhrase } from '../services/header-list.ts'
import { type EngineEvent, PendingEvents } from '../services/pending-events.ts'
import { checkSettlements, plainMessage } from '../services/queue-batch.ts'
import { bodyFromGuest, pairs, wireStream } from '../services/codec.ts'
import { IsolateEnded } from '../engine/ended.ts'
import type { Engine, EngineEvents } from '../engine/engine.ts'
import type { FlatRequest } from '../engine/inline-entries.ts'
import type { GuestLog } from '../services/log.ts'
import { type Services, Calls } from '../services/calls.ts'
import { TimerTable } from '../services/timers.ts'

/** Body of a response of the isolate's code, in a form that the constructor of Response takes. */
export type GuestBody = ReturnType<typeof bodyFromGuest>

/**
 * A response of the code in an isolate. A tenant may have made up its status and headers, so the code that
 * sends it checks them.
 */
export interface GuestAnswer extends HeaderList {
  status: number
  statusText: string
  body: GuestBody
}

/** Limits and callbacks of `unmoor host` for an isolate, besides its {@link Limits}. */
export interface IsolateHooks {
  /**
   * Most timers of an isolate at once; an isolate that starts more is ended. Default: 10,000, and further
   * timers are ignored instead.
   */
  timers?: number | undefined
  /**
   * Most unsettled `waitUntil` promises of an isolate at once; an isolate that has more is ended. Default: no
   * limit.
   */
  waits?: number | undefined
  /** Called when the isolate was refused memory outside V8's heap, at most once in ten seconds. */
  refused?(): void
  /**
   * Called with the body of each of the app's responses; returns the body to send in its place, or throws.
   * Default: it is sent as it is.
   */
  body?(body: GuestBody): GuestBody
}

/** Least milliseconds between two reports that an isolate was refused memory. */
const REFUSED_MS = 10_000

/** Starts the engine of a new isolate of one app. */
export type EngineFactory = (events: EngineEvents) => Promise<Engine>

/** Options of {@link IsolateApp.start}, which starts an app's isolate. */
export interface IsolateAppOptions {
  create: EngineFactory
  services: Services
  /** Values that the guest's stubs of `env` need: variables and SQL dialects. */
  values: Readonly<Record<string, unknown>>
  /** Variables of the guest's `process.env`. The guest asks for them while the app loads. */
  environment: Readonly<Record<string, string>>
  log: GuestLog
  onEnd(error: IsolateEnded): void
  hooks?: IsolateHooks | undefined
}

/**
 * One running isolate and what this process keeps for it: events under way, streams, timers, keys. All of
 * these end with the isolate.
 */
export class IsolateApp {
  #engine!: Engine
  #options: IsolateAppOptions
  #operations: Calls
  #timers: TimerTable
  #events: PendingEvents
  #ended: IsolateEnded | undefined
  #hearsRejections = false
  #refusedAt = Number.NEGATIVE_INFINITY
  /** Event to which late errors are attributed that occur while services work for the isolate's code. */
  #asked: AppEvent

  private constructor(options: IsolateAppOptions) {
    const send = (...message: [string, ...unknown[]]): void => this.#engine.send(...message)
    const max = options.hooks?.timers
    this.#options = options
    this.#asked = {
      name: `app ${options.services.manifest.name}`,
      uncaught: () => this.#engine.end('crash', 'the host failed at what it asked'),
    }
    this.#operations = new Calls(options.services, send, {
      charge: (microseconds) => this.#engine.chargeBeside(microseconds),
      keep: (bytes) => this.#engine.held.keep(bytes),
      requestOf: (event) => this.#events.request(event),
    })
    const maxWaits = options.hooks?.waits ?? Infinity
    this.#events = new PendingEvents(this.#operations.streams, send, maxWaits, () =>
      this.#engine.end(
        'waits',
        `it had more promises of waitUntil open than its limit of waits, ${maxWaits}; raise limits.waits`,
      ),
    )
    this.#timers = new TimerTable(
      (id) => send('timer', id),
      max,
      max === undefined
        ? undefined
        : () => this.#engine.end('timers', `it started more than its limit of ${max} timers`),
    )
  }

  /** Starts an isolate with the app. Rejects with {@link IsolateEnded} if the app cannot be loaded. */
  static async start(options: IsolateAppOptions): Promise<IsolateApp> {
    const { create, services, values, log } = options
    const app = new IsolateApp(options)
    await create({
      created(guest) {
        app.#engine = guest
      },
      message: (message) => app.#take(message),
      sync: (data) => app.#sync(data, options.environment),
      uncaught: (reason) => app.#rejected(reason),
      refused: () => app.#refused(),
      ended: (error) => app.#end(error),
      catastrophe(message) {
        log('error', `V8 has lost control of an isolate (${message}). The process ends.`)
        // isolated-vm asks for an abort after a catastrophic error: nothing that V8 holds can be trusted any
        // more. A supervisor starts the process again.
        process.abort()
      },
    })
    if (Object.keys(services.manifest.bindings).length > 0) app.#engine.send('env', values)
    return app
  }

  /** Answers a synchronous call of the isolate's code about the app, its bindings or one of its events. */
  #sync(data: readonly unknown[], environment: IsolateAppOptions['environment']): unknown {
    if (data[0] === 'environment') return environment
    if (data[0] === 'ticket') return this.#operations.ticket(data)
    if (data[0] === 'requestId') return this.#events.requestId(data[1])
    return data[0] === 'client' ? this.#events.client(data[1]) : this.#operations.sync(data)
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  close(): void {
    this.#engine.close()
    this.#end(new IsolateEnded('closed', 'the isolate was closed'))
  }

  /**
   * Calls the app's fetch handler for a full request. Rejects with {@link IsolateEnded} if the isolate ended
   * first, with `Internal` if the handler threw.
   */
  async fetch(request: Request, ctx: Context): Promise<Response> {
    const headers = headerText(request, this.clientHeader, ctx)
    const { streams } = this.#operations
    const body = request.body === null ? undefined : streams.toGuest(request.body)
    const wireBody = body === undefined ? null : wireStream(body, request.headers.get('content-length'))
    const data = await this.#event({ ctx, request }, body, (id) =>
      this.#engine.send('fetch', id, request.method, request.url, headers, wireBody),
    )
    if (isSocket(data[3])) return this.#handOver(data[3].socket, data[2])
    const { status, statusText, list, body: content } = this.readAnswer(data)
    return new Response(content, { status, statusText, headers: pairs(list) })
  }

  /**
   * Returns the response that hands a WebSocket of an existing Worker to the client of the current request.
   */
  #handOver(id: unknown, headers: unknown): Response {
    const event = currentEvent()
    const { webSockets } = this.#operations
    if (webSockets !== undefined && event instanceof Exchange && event.upgrade !== undefined)
      return webSockets.respond(id, headerList(headers).list)
    webSockets?.drop(id)
    return new Response('Bad Request: a WebSocket begins with a GET of HTTP/1.1 without a body.', {
      status: 400,
    })
  }

  /** Header that tells the app the client's address; undefined if the app asks for none. */
  get clientHeader(): ClientHeader | undefined {
    return this.#options.services.manifest.clientHeader
  }

  /** Calls the app's fetch handler for a flat request, whose body has been read. */
  serve(request: EngineEvent & FlatRequest): void {
    if (this.#ended !== undefined) return request.fail(this.#ended)
    request.id = this.#events.begin(request, undefined)
    this.#engine.fetch(request)
  }

  /**
   * Returns the response of the isolate's code with its types checked and its body passed through the hook
   * `body`.
   *
   * @throws `LimitExceeded` for a body that is too large.
   */
  readAnswer([status, statusText, headers, content]: readonly unknown[]): GuestAnswer {
    const { hooks } = this.#options
    const body = bodyFromGuest(content, this.#operations.streams)
    return {
      status: Number(status),
      statusText: reasonPhrase(statusText),
      ...headerList(headers),
      body: hooks?.body === undefined ? body : hooks.body(body),
    }
  }

  /**
   * Calls the app's handler of a queue with a batch of messages, and returns the settlements of the batch.
   */
  async queue(
    binding: string,
    messages: readonly QueueIncoming[],
    { retryDelay, maxDelay }: QueueDeclaration,
    ctx: Context,
  ): Promise<{ settlements: QueueSettlement[]; error?: unknown }> {
    const [settlements, error] = await this.#event({ ctx }, undefined, (id) =>
      this.#engine.send('queue', id, binding, messages.map(plainMessage), retryDelay),
    )
    return {
      settlements: checkSettlements(settlements, messages, maxDelay),
      ...(error === undefined ? {} : { error: guestFailure(error) }),
    }
  }

  /** Calls the app's handler of a cron. `retry` tells if a run that failed is to be repeated. */
  async cron(
    name: string,
    scheduledTime: number,
    ctx: Context,
  ): Promise<{ error?: unknown; retry: boolean }> {
    const [error, retry] = await this.#event({ ctx }, undefined, (id) =>
      this.#engine.send('cron', id, name, scheduledTime),
    )
    return error === undefined ? { retry: false } : { error: guestFailure(error), retry: retry !== false }
  }

  /**
   * Calls the app's handler of one event of a socket. Returns true if the handler threw, which the guest has
   * logged. Rejects with {@link IsolateEnded} if the isolate ended first.
   */
  async socket(
    binding: string,
    { id, data }: SocketState,
    event: SocketEvent,
    ctx: Context,
  ): Promise<boolean> {
    const [failed] = await this.#event({ ctx }, undefined, (call) =>
      this.#engine.send('socket', call, binding, id, data, event),
    )
    return failed === true
  }

  #event(
    { ctx, request }: { ctx: Context; request?: Request },
    body: number | undefined,
    send: (id: number) => void,
  ): Promise<readonly unknown[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((answer, fail) => {
      const event = {
        ctx,
        request,
        get signal() {
          return request?.signal
        },
        answer,
        fail,
      }
      send(this.#events.begin(event, body))
    })
  }

  /**
   * Handles a message of the isolate's code, which a tenant may have made up. An error in its handling, now
   * or later, ends this isolate but not the process, which others share.
   */
  #take(message: readonly unknown[]): void {
    try {
      this.#receive(message)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#options.log('error', `The host failed at what the app asked of it: ${text}`)
    this.#engine.end('crash', 'the host failed at what it asked')
  }

  #receive(message: readonly unknown[]): void {
    const [operation, id, ...data] = message
    switch (operation) {
      case 'response':
        // Messages for the WebSocket of a response may be in the same batch.
        if (isSocket(data[3]) && this.#events.request(id) !== undefined)
          this.#operations.webSockets?.open(data[3].socket)
        this.#events.answer(id, data)
        // The event of a streamed response ends only when the isolate's code reports its end: until then the
        // client may disconnect.
        if (!isStreamed(data[3])) this.#events.finish(id)
        return
      case 'queued':
      case 'cronDone':
      case 'socketDone':
        this.#events.answer(id, data)
        return this.#events.finish(id)
      case 'failed':
        this.#events.fail(id, guestFailure(data[0]))
        return this.#events.finish(id)
      case 'finished':
        return this.#events.finish(id)
      case 'wait':
        return this.#events.wait(id)
      case 'waited':
        return this.#events.settleWait(id)
      case 'watch':
        return this.#events.watch(id, data[0])
      case 'timer':
        return this.#timers.start(id, data[0])
      case 'timerClear':
        return this.#timers.clear(id)
      case 'rejections':
        this.#hearsRejections = true
        return
      case 'log':
        return this.#options.log(String(id), String(data[0]))
    }
    // The isolate's calls of services go on asynchronously in drivers and on the network. Their later errors
    // need an event to which they are attributed.
    runEvent(this.#asked, handleCall, this.#operations, message)
  }

  #refused(): void {
    const now = performance.now()
    if (now - this.#refusedAt < REFUSED_MS) return
    this.#refusedAt = now
    this.#options.hooks?.refused?.()
    this.#options.log(
      'warn',
      'The app was refused memory of WebAssembly, of resizable buffers or of Intl: all of it together is held ' +
        'to its limit of memoryMb. To raise it: limits.memoryMb.',
    )
  }

  // Handles an unhandled rejection of the isolate's code. An app that listens for rejections decides itself
  // if they are logged.
  #rejected(reason: unknown): void {
    const error =
      reason instanceof Error
        ? { name: reason.name, message: reason.message, stack: ownStack(reason) }
        : undefined
    if (this.#hearsRejections)
      this.#engine.send('rejection', error === undefined ? { value: reason } : { error })
    else
      this.#options.log(
        'error',
        `Unhandled rejection: ${error === undefined ? String(reason) : error.stack || error.message}`,
      )
  }

  #end(error: IsolateEnded): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#timers.clearAll()
    this.#events.failAll(error)
    this.#operations.close(error)
    this.#options.onEnd(error)
  }
}

function handleCall(operations: Calls, message: readonly unknown[]): void {
  operations.handle(message)
}

/**
 * Returns the part of an error's stack that belongs to the isolate's code. The rest has unmoor's own frames,
 * with paths of this machine.
 */
function ownStack({ stack = '' }: Error): string {
  return stack.replace(/\n[^\n]*<isolated-vm boundary>[^]*$/, '')
}

/** True if an isolate's answer hands a WebSocket to the client, in place of a body. */
function isSocket(body: unknown): body is { socket: unknown } {
  return typeof body === 'object' && body !== null && 'socket' in body
}

function isStreamed(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'stream' in body
}

/**
 * Wraps the text of an error that a handler threw. The text is for the log and for developers, not for
 * clients in production.
 */
function guestFailure(text: unknown): UnmoorError {
  return new UnmoorError('Internal', typeof text === 'string' ? text : 'The handler failed.')
}

/**
 * Returns a request's headers as they cross the bridge: each name and each value on a line of its own. A call
 * through a service binding comes from no address, so its caller may pass on the client's header, as on
 * Cloudflare.
 */
function headerText(request: Request, clientHeader: ClientHeader | undefined, ctx: Context): string {
  const address = clientHeader === undefined ? undefined : ctx.client.remote.address
  let text = ''
  for (const [name, value] of request.headers)
    if (address === undefined || name !== clientHeader)
      text = text === '' ? `${name}\n${value}` : `${text}\n${name}\n${value}`
  if (address === undefined) return text
  return `${text}${text === '' ? '' : '\n'}${clientHeader}\n${address}`
}
