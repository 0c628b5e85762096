import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type ivm from 'isolated-vm'
import { createContext, type OwnedContext } from '../../../core/context.ts'
import type { Runtime } from '../../../core/runtime.ts'
import { testChannel } from '../../../core/test-channel.ts'
import { createListener } from '../../node/runtime/http.ts'
import { directLength, type DirectOptions, serveDirect } from '../runtime/direct.ts'
import { IsolateEnded } from '../runtime/ended.ts'
import { Guest, type GuestEvents } from '../runtime/guest.ts'
import type { InlineOptions } from '../runtime/inline.ts'
import type { GuestBody } from '../runtime/isolate-app.ts'
import { Jobs } from '../runtime/jobs.ts'
import { createIsolateRuntime, type IsolateRuntime } from '../runtime/isolate-runtime.ts'
import { OutboundClient } from '../runtime/outbound/client.ts'
import { joinRules, OutboundPolicy, type OutboundRules } from '../runtime/outbound/rules.ts'
import { StackMapper } from '../runtime/stack-mapper.ts'
import type { AppRecord } from './app-record.ts'
import { Bill } from './bill.ts'
import type { LimitName } from './limits.ts'
import { limitBody } from './limit-body.ts'
import { refuse, startFailure, unavailable } from './refuse.ts'
import { type PartsHost, TenantParts, withoutClose } from './tenant-parts.ts'
import type { Usage } from './usage.ts'
import { countBytes } from './wire-bytes.ts'

/** What all tenants of a process share. */
export interface TenantHost extends PartsHost {
  ivm: typeof ivm
  /** Where all apps may go, besides their own rules. */
  outbound: OutboundRules
  /** Whether and how the app's isolates are entered from the host's own thread. */
  inline(app: string): InlineOptions | undefined
  /** V8 has lost control of the app's isolate: the process cannot go on. */
  onCatastrophe(app: string, message: string): void
  /** The app wants an isolate: makes room for it. @throws `Throttled` where there is none. */
  makeRoom(tenant: Tenant): Promise<void>
  /** Its isolate is gone. */
  onGone(tenant: Tenant): void
  /** Nothing of it is under way any more. */
  onIdle(tenant: Tenant): void
  /** It has usage to report. */
  onUsed(tenant: Tenant): void
}

/** Milliseconds after a failed start in which requests hear of that failure, instead of one start each. */
const RETRY_AFTER = 1000
const HIT_BY: Readonly<Partial<Record<string, LimitName>>> = { cpu: 'cpuMs', memory: 'memoryMb', startup: 'startupCpuMs', timers: 'timers' }

/** One version of one app in one process: its drivers, its isolate while there is use for it, its limits and its bill. */
export class Tenant {
  readonly record: AppRecord
  /** When it was last asked for something, from `performance.now()`. */
  lastUsed = 0
  #host: TenantHost
  #listener: RequestListener
  #direct: DirectOptions
  #bill = new Bill()
  #jobs = new Jobs()
  #mapper: StackMapper
  #policy: OutboundPolicy
  #active = 0
  #idle: (() => void)[] = []
  #open = new Set<ServerResponse>()
  #stopped = new AbortController()
  #parts: TenantParts
  #starting: Promise<IsolateRuntime> | undefined
  #runtime: IsolateRuntime | undefined
  #guest: Guest | undefined
  #memory = 0
  #subrequests = 0
  /** Whether the artifact was built with the test channel. */
  #testable = false
  #failed: { at: number; error: unknown } | undefined

  constructor(record: AppRecord, host: TenantHost) {
    this.record = record
    this.#host = host
    this.#parts = new TenantParts(record, host, (microseconds) => this.#guest?.charge(microseconds))
    this.#mapper = new StackMapper(join(record.dir, 'app.js.map'))
    this.#policy = new OutboundPolicy(joinRules(host.outbound, record.settings.outbound))
    const log = (text: string): void => host.log(record.name, 'error', this.#mapper.text(text))
    const context = { signal: this.#stopped.signal, onError: (error: unknown) => log(`waitUntil promise rejected: ${String(error)}`) }
    const onBackground = (work: Promise<unknown>): void => void this.#count(() => work)
    const onError = (message: string, error: unknown): void => log(`${message} ${error instanceof Error ? error.message : String(error)}`)
    this.#direct = { context, wallMs: record.limits.wallMs, onBackground, onError, onLate: () => this.#bill.hit('wallMs') }
    this.#listener = createListener((request, ctx) => this.#timed(request, ctx), {
      maxBodyBytes: record.limits.requestBytes,
      context,
      onBackground,
      onError,
    })
  }

  get active(): number {
    return this.#active
  }

  /** Whether it has an isolate, or is about to. */
  get isLive(): boolean {
    return this.#starting !== undefined
  }

  /** Answers a request; `target` is what the app sees as its path. */
  handle(incoming: IncomingMessage, outgoing: ServerResponse, target: string): void {
    const { usage } = this.#bill
    const { limits } = this.record
    usage.requests++
    if (this.#active >= limits.concurrentRequests) {
      this.#bill.hit('concurrentRequests')
      usage.errors++
      refuse(outgoing, 503, `the app has its limit of concurrentRequests, ${limits.concurrentRequests}, under way`)
      return
    }
    incoming.url = target
    const short = this.#shortLength(incoming)
    if (short === undefined) this.#serveUsual(incoming, outgoing)
    else if (this.#runtime === undefined) this.#serveWhenOpen(incoming, outgoing, short)
    else this.#serve(incoming, outgoing, short, 0)
  }

  /** Length of the body of a request that may go the short way (`direct.ts`). */
  #shortLength(incoming: IncomingMessage): number | undefined {
    // The test channel comes before the app.
    if (this.record.settings.testToken !== undefined && incoming.url?.startsWith('/.unmoor/') === true) return undefined
    return directLength(incoming, this.record.limits.requestBytes)
  }

  /** A request that finds no isolate waits for it as it came, and then goes the short way. */
  #serveWhenOpen(incoming: IncomingMessage, outgoing: ServerResponse, length: number): void {
    const { wallMs } = this.record.limits
    const begun = this.#enter(outgoing)
    const timer = setTimeout(() => {
      this.#bill.hit('wallMs')
      if (isWaiting()) refuse(outgoing, 503, `no answer came within the limit of wallTimeout, ${wallMs / 1000} s`)
    }, wallMs)
    const isWaiting = (): boolean => !outgoing.headersSent && !outgoing.destroyed
    this.open().then(
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

  /** Serves with an isolate that is there; `spentMs` were waited for it. */
  #serve(incoming: IncomingMessage, outgoing: ServerResponse, length: number, spentMs: number): void {
    const app = this.#runtime?.direct
    if (app === undefined) return this.#serveUsual(incoming, outgoing)
    const begun = this.#enter(outgoing) - spentMs
    const options = spentMs === 0 ? this.#direct : { ...this.#direct, spentMs }
    if (serveDirect(app, incoming, outgoing, length, options, () => this.#leave(incoming, outgoing, begun))) return
    this.#leave(incoming, outgoing, undefined)
    this.#serveUsual(incoming, outgoing)
  }

  #serveUsual(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (Number(incoming.headers['content-length'] ?? 0) > this.record.limits.requestBytes) this.#bill.hit('requestBytes')
    const begun = this.#enter(outgoing)
    outgoing.once('close', () => this.#leave(incoming, outgoing, begun))
    this.#listener(incoming, outgoing)
  }

  #enter(outgoing: ServerResponse): number {
    this.#begin()
    this.#open.add(outgoing)
    return performance.now()
  }

  /** It is over, and with `begun` the whole request is. */
  #leave({ socket }: IncomingMessage, outgoing: ServerResponse, begun: number | undefined): void {
    if (begun !== undefined) {
      const { usage } = this.#bill
      usage.wallMs += performance.now() - begun
      countBytes(socket, usage)
      if (outgoing.statusCode >= 500) usage.errors++
      this.#open.delete(outgoing)
    }
    this.#end()
  }

  /** Answers a call by another app of the host. */
  async fetch(request: Request): Promise<Response> {
    const ctx = createContext({ signal: this.#stopped.signal })
    const response = await this.event(() => Promise.resolve(this.#timed(request, ctx)))
    if (ctx.pending > 0) void this.#count(() => ctx.settled())
    return response
  }

  /** Runs something that is no request: a batch, a cron, a call. */
  event<T>(work: () => Promise<T>): Promise<T> {
    this.#bill.usage.events++
    return this.#count(work)
  }

  async #count<T>(work: () => Promise<T>): Promise<T> {
    this.#begin()
    try {
      return await work()
    } finally {
      this.#end()
    }
  }

  #begin(): void {
    this.lastUsed = performance.now()
    this.#host.onUsed(this)
    // What events under way at once may call together: nobody but the tenant could say which of them calls.
    this.#subrequests = (this.#active === 0 ? 0 : this.#subrequests) + this.record.limits.subrequests
    this.#active++
  }

  #end(): void {
    this.#active--
    // How it ended counts, too.
    this.#host.onUsed(this)
    if (this.#active > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
    this.#host.onIdle(this)
  }

  #timed(request: Request, ctx: OwnedContext): Promise<Response> {
    const { wallMs } = this.record.limits
    return new Promise((resolve, reject) => {
      let late = false
      const timer = setTimeout(() => {
        late = true
        this.#bill.hit('wallMs')
        resolve(unavailable(`no answer came within the limit of wallTimeout, ${wallMs / 1000} s`))
      }, wallMs)
      this.#answer(request, ctx).then(
        (response) => {
          clearTimeout(timer)
          // What comes after all is for nobody.
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

  async #answer(request: Request, ctx: OwnedContext): Promise<Response> {
    let runtime: IsolateRuntime
    try {
      runtime = this.#runtime ?? (await this.open())
    } catch (error) {
      return unavailable(startFailure(error))
    }
    const { testToken } = this.record.settings
    if (testToken !== undefined && this.#testable && new URL(request.url).pathname.startsWith('/.unmoor/')) {
      const answer = await testChannel(runtime, request, ctx, testToken)
      if (answer !== undefined) return answer
    }
    const { assets } = runtime
    return (assets === undefined ? undefined : await assets.serve(request)) ?? runtime.fetch(request, ctx)
  }

  /** The app, its isolate started where there is none. */
  async open(): Promise<IsolateRuntime> {
    if (this.#failed !== undefined && performance.now() - this.#failed.at < RETRY_AFTER) throw this.#failed.error
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<IsolateRuntime> {
    try {
      await this.#host.makeRoom(this)
      const [{ info, image }, host] = await Promise.all([this.#parts.load(), this.#parts.bindings()])
      this.#testable = info.testChannel
      const { limits, name } = this.record
      const guestLimits = {
        memoryMb: limits.memoryMb,
        cpuMs: limits.cpuMs,
        startupCpuMs: limits.startupCpuMs,
        startupMs: limits.startupCpuMs + 10_000,
        wallSeconds: undefined,
      }
      const runtime = await createIsolateRuntime({
        host: withoutClose(host),
        manifest: info.manifest,
        limits: guestLimits,
        privatePaths: [this.#host.dataDir, this.record.dir],
        log: (level, text) => this.#host.log(name, level, text),
        create: (events) => Guest.start(this.#host.ivm, image, guestLimits, this.#watch(events), this.#host.inline(name)),
        jobs: this.#jobs,
        mapper: this.#mapper,
        outbound: new OutboundClient({ policy: this.#policy, onRequest: () => this.#takeSubrequest() }),
        hooks: { timers: limits.timers, body: (body) => this.#limitAnswer(body) },
      })
      await this.#parts.migrate().catch(async (error: unknown) => {
        await runtime.close()
        throw error
      })
      this.#failed = undefined
      this.#runtime = runtime
      return runtime
    } catch (error) {
      this.#starting = undefined
      this.#host.onGone(this)
      this.#failed = { at: performance.now(), error }
      const cause = error instanceof Error ? error.cause : undefined
      if (cause instanceof IsolateEnded && HIT_BY[cause.ended] !== undefined && cause.detail === '') this.#bill.hit(HIT_BY[cause.ended] as LimitName)
      this.#host.log(this.record.name, 'error', `The app did not start: ${error instanceof Error ? error.message : String(error)}`)
      throw error
    }
  }

  #watch(events: GuestEvents): GuestEvents {
    const { name } = this.record
    return {
      ...events,
      created: (guest) => {
        this.#bill.usage.starts++
        this.#guest = guest
        this.#bill.follow(guest)
        events.created?.(guest)
      },
      ended: (error) => {
        this.#bill.settle()
        const limit = HIT_BY[error.ended]
        if (limit !== undefined) this.#bill.hit(limit)
        events.ended(error)
      },
      long: (running) => this.#host.onLong(name, running),
      catastrophe: (message) => {
        this.failAll(`the app's isolate was lost, and its process with it: ${message}`)
        this.#host.onCatastrophe(name, message)
      },
    }
  }

  /** Answers all that is under way with a 503, where it has not begun to be answered. */
  failAll(cause: string): void {
    for (const outgoing of this.#open) if (!outgoing.headersSent) refuse(outgoing, 503, cause)
  }

  #takeSubrequest(): void {
    if (this.#subrequests > 0) {
      this.#subrequests--
      return
    }
    this.#bill.hit('subrequests')
    const { subrequests } = this.record.limits
    // As fetch() fails: a TypeError is what an app expects of it.
    throw new TypeError(`LimitExceeded: the app called fetch() more often than its limit of subrequests, ${subrequests} per event.`)
  }

  #limitAnswer(body: GuestBody): GuestBody {
    return limitBody(body, this.record.limits.responseBytes, () => this.#bill.hit('responseBytes'))
  }

  /** The app's drivers, open and with all migrations. */
  async bindings(): Promise<Runtime> {
    await this.#parts.migrate()
    return this.#parts.bindings()
  }

  /** What was used since the last call. */
  takeUsage(): Usage {
    return this.#bill.take()
  }

  /** Bytes of the isolate, as last measured. */
  get memory(): number {
    return this.isLive ? this.#memory : 0
  }

  async measureMemory(): Promise<void> {
    this.#memory = await (this.#guest?.memory() ?? Promise.resolve(0)).catch(() => 0)
  }

  /** Puts the isolate away, and the drivers where nothing else uses them; both come back on demand. Nothing may be under way. */
  async evict(options: { keepDrivers: boolean }): Promise<void> {
    this.#bill.usage.evictions++
    this.#host.onUsed(this)
    await this.#drop()
    // Whoever came meanwhile uses them.
    if (!options.keepDrivers && !this.isLive && this.#active === 0) await this.#parts.release()
  }

  async #drop(): Promise<void> {
    const starting = this.#starting
    if (starting === undefined) return
    this.#starting = undefined
    this.#runtime = undefined
    const runtime = await starting.catch(() => {})
    await runtime?.close()
    // Else one that was started meanwhile has its place.
    if (this.#starting !== undefined) return
    this.#runtime = undefined
    this.#bill.leave()
    this.#guest = undefined
    this.#memory = 0
    this.#mapper.forget()
    this.#host.onGone(this)
  }

  /** Lets what is under way finish, for at most `seconds`; then frees everything. */
  async close(seconds: number): Promise<void> {
    if (this.#active > 0) {
      const timer = setTimeout(() => this.#stopped.abort(new DOMException('The host stops this version of the app.', 'TimeoutError')), seconds * 1000)
      const cut = new Promise<void>((resolve) => this.#stopped.signal.addEventListener('abort', () => setTimeout(resolve, 100), { once: true }))
      await Promise.race([new Promise<void>((resolve) => this.#idle.push(resolve)), cut])
      clearTimeout(timer)
    }
    await this.#drop()
    await this.#parts.release()
  }
}
