import type { IncomingMessage, ServerResponse } from 'node:http'
import { createTrust, type TrustProxy } from '../../../../core/client.ts'
import type { ContextOptions, OwnedContext } from '../../../../core/context.ts'
import { testChannel } from '../../../../core/runtime/test-channel.ts'
import { createListener } from '../../../node-server/runtime/http/listener.ts'
import type { HttpListener, PendingUpgrade } from '../../../node-server/runtime/http/upgrades.ts'
import { FlatExchange, flatLength, type FlatOptions } from '../../server/flat-request.ts'
import type { IsolateRuntime } from '../../server/isolate-runtime.ts'
import type { AppSockets } from './app-sockets.ts'
import type { AppRecord } from '../app-record.ts'
import type { UsageMeter } from './usage-meter.ts'
import { refuse, startFailure, unavailable } from './refuse.ts'
import { countBytes } from './wire-bytes.ts'
import type { Activity } from './activity.ts'
import { awaitsBody, Uploads } from './uploads.ts'
import type { LimitName } from '../limits.ts'
import { clientOf } from '../../../node-server/runtime/http/exchange.ts'
import type { TenantIsolate } from './tenant-isolate.ts'
import type { WorkerWebSockets } from './worker-web-sockets.ts'

/** Options of {@link TenantRequests}, which serves an app's HTTP requests. */
export interface TenantRequestsOptions {
  record: AppRecord
  bill: UsageMeter
  activity: Activity
  isolate: TenantIsolate
  /** Options of the context (`ctx`) of each request. */
  context: ContextOptions
  /** Proxies in front of the host whose `X-Forwarded-*` headers are trusted. */
  trustProxy: TrustProxy | undefined
  /** Returns the app's sockets; undefined if it has none. */
  sockets: () => AppSockets | undefined
  /** WebSockets of the app, for an app that is an existing Worker. */
  webSockets: WorkerWebSockets
}

/** Serves HTTP requests of one tenant, applies its limits and meters its usage. */
export class TenantRequests {
  #record: AppRecord
  #meter: UsageMeter
  #activity: Activity
  #isolate: TenantIsolate
  #listener: HttpListener
  #sockets: () => AppSockets | undefined
  #webSockets: WorkerWebSockets
  #direct: FlatOptions
  #open = new Set<ServerResponse>()
  #uploads: Uploads

  constructor(options: TenantRequestsOptions) {
    const { record, bill, activity, isolate, context, trustProxy } = options
    this.#sockets = options.sockets
    this.#webSockets = options.webSockets
    this.#record = record
    this.#uploads = new Uploads(record.limits.concurrentUploads)
    this.#meter = bill
    this.#activity = activity
    this.#isolate = isolate
    const onBackground = (work: Promise<unknown>): void => void activity.count(() => work)
    const onError = (message: string, error: unknown): void =>
      isolate.logError(`${message} ${error instanceof Error ? error.message : String(error)}`)
    this.#direct = {
      context,
      trust: createTrust(trustProxy),
      wallMs: record.limits.wallMs,
      onBackground,
      onError,
      onLate: () => bill.hit('wallMs'),
    }
    this.#listener = createListener((request, ctx) => this.answer(request, ctx), {
      maxBodyBytes: record.limits.requestBytes,
      trustProxy,
      context,
      onBackground,
      onError,
    })
  }

  /** Serves an HTTP request of the app; `target` is the path and query that the app sees. */
  handle(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    target: string,
    upgrade?: PendingUpgrade,
  ): void {
    const { usage } = this.#meter
    const { limits } = this.#record
    usage.requests++
    // Running uploads do not count as concurrent requests, since a slow client may take as long as it likes.
    const { active, handlers } = this.#activity
    if (active - handlers - this.#uploads.size >= limits.concurrentRequests)
      return this.#refuse(
        outgoing,
        'concurrentRequests',
        `the app has its limit of concurrentRequests, ${limits.concurrentRequests}, under way`,
      )
    if (awaitsBody(incoming)) {
      const { address = '' } = clientOf(incoming, this.#direct.trust).remote
      if (!this.#uploads.begin(incoming, address))
        return this.#refuse(
          outgoing,
          'concurrentUploads',
          `the app has its limit of concurrentUploads, ${limits.concurrentUploads}, or half of it from ` +
            'your address: requests whose body has not come whole',
        )
    }
    incoming.url = target
    if (upgrade !== undefined) return this.#serveUsual(incoming, outgoing, upgrade)
    const short = this.#shortLength(incoming)
    if (short === undefined) this.#serveUsual(incoming, outgoing)
    else if (this.#isolate.runtime === undefined) this.#serveWhenOpen(incoming, outgoing, short)
    else this.#serve(incoming, outgoing, short, 0)
  }

  #refuse(outgoing: ServerResponse, limit: LimitName, cause: string): void {
    this.#meter.hit(limit)
    this.#meter.usage.errors++
    refuse(outgoing, 503, cause)
  }

  /** Returns the body length of a request that can take the flat path (`flat-request.ts`); else undefined. */
  #shortLength(incoming: IncomingMessage): number | undefined {
    // The test channel sees its requests before the app does, so they do not take the flat path.
    if (this.#record.settings.testToken !== undefined && incoming.url?.startsWith('/.unmoor/') === true)
      return undefined
    return flatLength(incoming, this.#record.limits.requestBytes)
  }

  /** Keeps an HTTP request unparsed until the app's isolate has started, then serves it on the flat path. */
  #serveWhenOpen(incoming: IncomingMessage, outgoing: ServerResponse, length: number): void {
    const { wallMs } = this.#record.limits
    const begun = this.#enter(outgoing)
    const timer = setTimeout(() => {
      this.#meter.hit('wallMs')
      if (isWaiting()) refuse(outgoing, 503, `no answer came within the limit of wallMs, ${wallMs} ms`)
    }, wallMs)
    const isWaiting = (): boolean => !outgoing.headersSent && !outgoing.destroyed
    this.#isolate.open().then(
      () => {
        clearTimeout(timer)
        const serves = isWaiting()
        if (serves) this.#serve(incoming, outgoing, length, performance.now() - begun)
        this.#leave(incoming, outgoing, serves ? undefined : begun)
      },
      (error: unknown) => {
        clearTimeout(timer)
        if (isWaiting()) refuse(outgoing, 503, startFailure(error))
        this.#leave(incoming, outgoing, begun)
      },
    )
  }

  /** Serves an HTTP request with a running isolate; `spentMs` milliseconds were spent waiting for it. */
  #serve(incoming: IncomingMessage, outgoing: ServerResponse, length: number, spentMs: number): void {
    const app = this.#isolate.direct
    if (app === undefined) return this.#serveUsual(incoming, outgoing)
    const begun = this.#enter(outgoing) - spentMs
    const options = spentMs === 0 ? this.#direct : { ...this.#direct, spentMs }
    const exchange = new FlatExchange(app, incoming, outgoing, options, () =>
      this.#leave(incoming, outgoing, begun),
    )
    if (exchange.serve(length)) return
    this.#leave(incoming, outgoing, undefined)
    this.#serveUsual(incoming, outgoing)
  }

  #serveUsual(incoming: IncomingMessage, outgoing: ServerResponse, upgrade?: PendingUpgrade): void {
    if (Number(incoming.headers['content-length'] ?? 0) > this.#record.limits.requestBytes)
      this.#meter.hit('requestBytes')
    const begun = this.#enter(outgoing)
    const leave = (): void => this.#leave(incoming, outgoing, begun)
    outgoing.once('close', leave)
    if (upgrade !== undefined) upgrade.onTaken = leave
    this.#listener(incoming, outgoing, upgrade)
  }

  #enter(outgoing: ServerResponse): number {
    this.#activity.begin()
    this.#open.add(outgoing)
    return performance.now()
  }

  /** Ends a step of an HTTP request, such as its wait for an isolate; with `begun`, the whole request. */
  #leave({ socket }: IncomingMessage, outgoing: ServerResponse, begun: number | undefined): void {
    if (begun !== undefined) {
      const { usage } = this.#meter
      usage.wallMs += performance.now() - begun
      countBytes(socket, usage)
      if (outgoing.statusCode >= 500) usage.errors++
      this.#open.delete(outgoing)
    }
    this.#activity.end()
  }

  /** Answers a Request object within the app's time limit `wallMs`. */
  answer(request: Request, ctx: OwnedContext): Promise<Response> {
    const { wallMs } = this.#record.limits
    return new Promise((resolve, reject) => {
      let late = false
      const timer = setTimeout(() => {
        late = true
        this.#meter.hit('wallMs')
        resolve(unavailable(`no answer came within the limit of wallMs, ${wallMs} ms`))
      }, wallMs)
      this.#ask(request, ctx).then(
        (response) => {
          clearTimeout(timer)
          // An app's response after the time limit is discarded.
          if (late) response.body?.cancel().catch(() => {})
          else resolve(response)
        },
        (error: unknown) => {
          clearTimeout(timer)
          reject(error instanceof Error ? error : new Error(String(error)))
        },
      )
    })
  }

  async #ask(request: Request, ctx: OwnedContext): Promise<Response> {
    let runtime: IsolateRuntime
    try {
      runtime = this.#isolate.runtime ?? (await this.#isolate.open())
    } catch (error) {
      return unavailable(startFailure(error))
    }
    const { testToken } = this.#record.settings
    if (
      testToken !== undefined &&
      this.#isolate.isTestable &&
      new URL(request.url).pathname.startsWith('/.unmoor/')
    ) {
      const answer = await testChannel(runtime, request, ctx, testToken)
      if (answer !== undefined) return answer
    }
    const app = (): Response | Promise<Response> => runtime.fetch(request, ctx)
    const admitted = this.#sockets()?.admit(request, app)
    if (admitted !== undefined) return admitted
    const asksForSocket = request.headers.get('upgrade')?.toLowerCase() === 'websocket'
    if (runtime.app.clientHeader !== undefined && asksForSocket) return this.#webSockets.admit(request, app)
    const { assets } = runtime
    return (assets === undefined ? undefined : await assets.serve(request)) ?? app()
  }

  /** Answers with 503 every running request of the app whose response has not begun. */
  failAll(cause: string): void {
    for (const outgoing of this.#open) if (!outgoing.headersSent) refuse(outgoing, 503, cause)
  }
}
