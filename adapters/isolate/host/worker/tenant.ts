import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SocketEvent, SocketState } from '../../../../core/bindings/socket-transport.ts'
import { type Context, createContext } from '../../../../core/context.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { PendingUpgrade } from '../../../node-server/runtime/http/upgrades.ts'
import type { IsolateRuntime } from '../../server/isolate-runtime.ts'
import type { AppRecord } from '../app-record.ts'
import type { AppLimits } from '../limits.ts'
import { UsageMeter } from './usage-meter.ts'
import { TenantParts } from './tenant-parts.ts'
import type { Usage } from '../usage.ts'
import type { AppSockets } from './app-sockets.ts'
import { Activity } from './activity.ts'
import { Subrequests } from './subrequests.ts'
import { type IsolateHost, TenantIsolate } from './tenant-isolate.ts'
import { TenantRequests } from './tenant-requests.ts'
import { TenantSocketQuota } from './socket-quota.ts'
import { WorkerWebSockets } from './worker-web-sockets.ts'

/** Functions and settings that all tenants of a process share. */
export interface TenantHost extends IsolateHost {
  /**
   * Waits for a slot for the app's isolate.
   *
   * @throws `Throttled` if there is none.
   */
  makeRoom(tenant: Tenant): Promise<void>
  /** Called when the tenant's isolate has ended. */
  onGone(tenant: Tenant): void
  /** Called when none of the tenant's work is running any more. */
  onIdle(tenant: Tenant): void
  /** Called when the tenant has usage to report. */
  onUsed(tenant: Tenant): void
}

/** One version of one app in one process: its drivers, its isolate while in use, its limits and its usage. */
export class Tenant {
  readonly record: AppRecord
  #host: TenantHost
  #meter = new UsageMeter()
  #stopped = new AbortController()
  #activity: Activity
  #parts: TenantParts
  #isolate: TenantIsolate
  #requests: TenantRequests
  #webSockets: WorkerWebSockets

  constructor(record: AppRecord, host: TenantHost) {
    const bill = this.#meter
    this.record = record
    this.#host = host
    const subrequests = new Subrequests(record.limits.subrequests, () => bill.hit('subrequests'))
    const activity = new Activity(subrequests, {
      used: () => host.onUsed(this),
      idle: () => host.onIdle(this),
    })
    this.#activity = activity
    const parts = new TenantParts(record, host, bill)
    this.#parts = parts
    const webSockets = new WorkerWebSockets({
      name: record.name,
      quota: new TenantSocketQuota(() => this.billed),
      onBegin: () => activity.begin(),
      onEnd: () => activity.end(),
    })
    this.#webSockets = webSockets
    const isolate = new TenantIsolate({
      record,
      host,
      parts,
      bill,
      subrequests,
      webSockets,
      makeRoom: () => host.makeRoom(this),
      onGone: () => host.onGone(this),
      failAll: (cause) => this.#requests.failAll(cause),
    })
    this.#isolate = isolate
    const context = {
      signal: this.#stopped.signal,
      onError: (error: unknown) => isolate.logError(`waitUntil promise rejected: ${String(error)}`),
    }
    const { trustProxy } = host
    const sockets = (): AppSockets | undefined => host.sockets(record, false)
    this.#requests = new TenantRequests({
      record,
      bill,
      activity,
      isolate,
      context,
      trustProxy,
      sockets,
      webSockets,
    })
  }

  /** Number of the tenant's running requests and other events. */
  get active(): number {
    return this.#activity.active
  }

  /** Start time of the tenant's latest work, on the clock of `performance.now()`. */
  get lastUsed(): number {
    return this.#activity.lastUsed
  }

  /** True if the tenant has an isolate, or one is starting. */
  get isLive(): boolean {
    return this.#isolate.isLive
  }

  /** Number of open WebSockets of an existing Worker, which the eviction of its isolate would close. */
  get webSockets(): number {
    return this.#webSockets.size
  }

  /** Serves an HTTP request of the app; `target` is the path and query that the app sees. */
  handle(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    target: string,
    upgrade?: PendingUpgrade,
  ): void {
    this.#requests.handle(incoming, outgoing, target, upgrade)
  }

  /** Serves a call by another app of the host. */
  async fetch(request: Request): Promise<Response> {
    const ctx = createContext({ signal: this.#stopped.signal })
    const response = await this.event(() => this.#requests.answer(request, ctx)).finally(() => ctx.ended())
    if (ctx.pending > 0) void this.#activity.count(() => ctx.settled())
    return response
  }

  /** Calls the app's handler of one WebSocket event; starts the isolate if there is none. */
  socket(
    binding: string,
    state: SocketState,
    event: SocketEvent,
    ctx: Context,
  ): Promise<{ error?: unknown }> {
    return this.#activity.countHandler(async () => {
      // Socket events that arrive while an isolate starts keep their order, as all of them wait for the same
      // promise.
      const runtime = this.#isolate.runtime ?? (await this.#isolate.open())
      return (await runtime.socket?.(binding, state, event, ctx)) ?? {}
    })
  }

  /** Counts `waitUntil` work that goes on after a socket event. */
  background(work: Promise<unknown>): void {
    void this.#activity.countHandler(() => work)
  }

  /** The tenant's limits and usage meter, for usage counted outside of requests. */
  get billed(): { limits: AppLimits; bill: UsageMeter } {
    this.#host.onUsed(this)
    return { limits: this.record.limits, bill: this.#meter }
  }

  logError(text: string): void {
    this.#isolate.logError(text)
  }

  /** Runs an event of the app that is no HTTP request: a queue batch, a cron, a call. */
  event<T>(work: () => Promise<T>): Promise<T> {
    this.#meter.usage.events++
    return this.#activity.count(work)
  }

  /** Returns the running app; starts its isolate if there is none. */
  open(): Promise<IsolateRuntime> {
    return this.#isolate.open()
  }

  /** Opens the drivers that bring work to the app. The caller closes the runtime. */
  openBackground(): Promise<Runtime> {
    return this.#parts.openBackground()
  }

  /** Returns the tenant's usage since the last call. */
  takeUsage(): Usage {
    return this.#meter.take()
  }

  /** Bytes of memory of the tenant's isolate, as last measured. */
  get memory(): number {
    return this.isLive ? this.#meter.memory : 0
  }

  /** True if the tenant's isolate has ever had memory outside V8's heap. */
  get holdsOutside(): boolean {
    return this.isLive && this.#meter.holdsOutside
  }

  /**
   * True if some memory of the tenant's isolate outside V8's heap belongs to WebAssembly or a growable
   * buffer.
   */
  get holdsWasm(): boolean {
    return this.isLive && this.#meter.holdsWasm
  }

  measureMemory(): Promise<void> {
    return this.#meter.measureMemory()
  }

  /**
   * Ends the tenant's isolate and closes its drivers; both are created again on demand. No work may be
   * running.
   */
  async evict(): Promise<void> {
    this.#meter.usage.evictions++
    this.#host.onUsed(this)
    this.#webSockets.evict()
    await this.#isolate.drop()
    // Keep the app's drivers if work has arrived meanwhile, as it uses them.
    if (!this.isLive && this.active === 0) await this.#parts.release()
    if (!this.isLive && this.active === 0) await this.#host.sockets(this.record, false)?.release()
  }

  /**
   * Lets the tenant's running work finish for at most `seconds`, then ends its isolate and closes its
   * drivers.
   */
  async close(seconds: number): Promise<void> {
    const socketsClosed = this.#webSockets.stop(seconds)
    if (this.active > 0) {
      const { signal } = this.#stopped
      const timer = setTimeout(
        () =>
          this.#stopped.abort(new DOMException('The host stops this version of the app.', 'TimeoutError')),
        seconds * 1000,
      )
      const cut = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => setTimeout(resolve, 100), { once: true }),
      )
      await Promise.race([this.#activity.untilIdle(), cut])
      clearTimeout(timer)
    }
    await socketsClosed
    await this.#isolate.drop()
    await this.#parts.release()
  }
}
