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

/** What all tenants of a process share. */
export interface TenantHost extends IsolateHost {
  /** The app wants an isolate: makes room for it. @throws `Throttled` where there is none. */
  makeRoom(tenant: Tenant): Promise<void>
  /** Its isolate is gone. */
  onGone(tenant: Tenant): void
  /** Called when nothing of the tenant is under way any more. */
  onIdle(tenant: Tenant): void
  /** The tenant has usage to report. */
  onUsed(tenant: Tenant): void
}

/**
 * One version of one app in one process: its drivers, its isolate while there is use for it, its limits and
 * its bill.
 */
export class Tenant {
  readonly record: AppRecord
  #host: TenantHost
  #meter = new UsageMeter()
  #stopped = new AbortController()
  #activity: Activity
  #parts: TenantParts
  #isolate: TenantIsolate
  #requests: TenantRequests

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
    const isolate = new TenantIsolate({
      record,
      host,
      parts,
      bill,
      subrequests,
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
    this.#requests = new TenantRequests({ record, bill, activity, isolate, context, trustProxy, sockets })
  }

  /** How much is under way. */
  get active(): number {
    return this.#activity.active
  }

  /** When it was last asked for something, from `performance.now()`. */
  get lastUsed(): number {
    return this.#activity.lastUsed
  }

  /** True if the tenant has an isolate, or is about to. */
  get isLive(): boolean {
    return this.#isolate.isLive
  }

  /** Answers a request; `target` is what the app sees as its path. */
  handle(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    target: string,
    upgrade?: PendingUpgrade,
  ): void {
    this.#requests.handle(incoming, outgoing, target, upgrade)
  }

  /** Answers a call by another app of the host. */
  async fetch(request: Request): Promise<Response> {
    const ctx = createContext({ signal: this.#stopped.signal })
    const response = await this.event(() => this.#requests.answer(request, ctx)).finally(() => ctx.ended())
    if (ctx.pending > 0) void this.#activity.count(() => ctx.settled())
    return response
  }

  /** Calls the handler of one event of a socket; the isolate is started where there is none. */
  socket(
    binding: string,
    state: SocketState,
    event: SocketEvent,
    ctx: Context,
  ): Promise<{ error?: unknown }> {
    return this.#activity.countHandler(async () => {
      // Events that come while an isolate starts stay in their order, as all take the same way.
      const runtime = this.#isolate.runtime ?? (await this.#isolate.open())
      return (await runtime.socket?.(binding, state, event, ctx)) ?? {}
    })
  }

  /** Counts work that goes on after an event. */
  background(work: Promise<unknown>): void {
    void this.#activity.countHandler(() => work)
  }

  /** Its limits and its bill, for what is counted beside its requests. */
  get billed(): { limits: AppLimits; bill: UsageMeter } {
    this.#host.onUsed(this)
    return { limits: this.record.limits, bill: this.#meter }
  }

  logError(text: string): void {
    this.#isolate.logError(text)
  }

  /** Runs something that is no request: a batch, a cron, a call. */
  event<T>(work: () => Promise<T>): Promise<T> {
    this.#meter.usage.events++
    return this.#activity.count(work)
  }

  /** The app, its isolate started where there is none. */
  open(): Promise<IsolateRuntime> {
    return this.#isolate.open()
  }

  /** The drivers that tell when there is work for the app. The caller closes them. */
  openBackground(): Promise<Runtime> {
    return this.#parts.openBackground()
  }

  /** What was used since the last call. */
  takeUsage(): Usage {
    return this.#meter.take()
  }

  /** Bytes of the isolate, as last measured. */
  get memory(): number {
    return this.isLive ? this.#meter.memory : 0
  }

  /** True if its isolate has ever had memory outside V8's heap. */
  get holdsOutside(): boolean {
    return this.isLive && this.#meter.holdsOutside
  }

  /** True if some of the memory outside V8's heap was WebAssembly's, or a buffer's that can grow. */
  get holdsWasm(): boolean {
    return this.isLive && this.#meter.holdsWasm
  }

  measureMemory(): Promise<void> {
    return this.#meter.measureMemory()
  }

  /**
   * Ends the isolate and closes its drivers; both come back on demand. Nothing may be under way.
   */
  async evict(): Promise<void> {
    this.#meter.usage.evictions++
    this.#host.onUsed(this)
    await this.#isolate.drop()
    // Whoever came meanwhile uses them.
    if (!this.isLive && this.active === 0) await this.#parts.release()
    if (!this.isLive && this.active === 0) await this.#host.sockets(this.record, false)?.release()
  }

  /** Lets what is under way finish, for at most `seconds`; then frees everything. */
  async close(seconds: number): Promise<void> {
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
    await this.#isolate.drop()
    await this.#parts.release()
  }
}
