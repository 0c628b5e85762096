import { join } from 'node:path'
import type ivm from 'isolated-vm'
import type { TrustProxy } from '../../../../core/client.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { IsolateEnded } from '../../engine/ended.ts'
import { Engine, type EngineEvents } from '../../engine/engine.ts'
import type { InlineOptions } from '../../engine/inline-entries.ts'
import type { IsolateApp } from '../../server/isolate-app.ts'
import { Jobs } from '../../services/jobs.ts'
import { createIsolateRuntime, type IsolateRuntime } from '../../server/isolate-runtime.ts'
import { OutboundClient } from '../../services/outbound/client.ts'
import { joinRules, OutboundPolicy, type OutboundRules } from '../../services/outbound/rules.ts'
import { StackMapper } from '../../server/stack-mapper.ts'
import type { AppRecord } from '../app-record.ts'
import type { UsageMeter } from './usage-meter.ts'
import { LogBudget } from './log-budget.ts'
import { limitBody } from './limit-body.ts'
import type { LimitName } from '../limits.ts'
import { type PartsHost, type TenantParts, withoutClose } from './tenant-parts.ts'
import type { Subrequests } from './subrequests.ts'
import type { WorkerWebSockets } from './worker-web-sockets.ts'

/** Functions and settings that the isolates of all tenants of a process share. */
export interface IsolateHost extends PartsHost {
  ivm: typeof ivm
  /** Outbound rules of the host, which apply to all apps besides their own rules. */
  outbound: OutboundRules
  /** Proxies in front of the host whose `X-Forwarded-*` headers are trusted. */
  trustProxy: TrustProxy | undefined
  /** Options for entries into the app's isolates on the host's own thread. Undefined: no inline entries. */
  inline(app: string): InlineOptions | undefined
  /** Called when V8 has lost control of the app's isolate: the process cannot go on. */
  onCatastrophe(app: string, message: string): void
}

/** Options of {@link TenantIsolate}, the isolate of one version of an app. */
export interface TenantIsolateOptions {
  record: AppRecord
  host: IsolateHost
  parts: TenantParts
  bill: UsageMeter
  subrequests: Subrequests
  /** WebSockets of the app, for an app that is an existing Worker. */
  webSockets: WorkerWebSockets
  /**
   * Waits for a slot for the app's isolate.
   *
   * @throws `Throttled` if there is none.
   */
  makeRoom(): Promise<void>
  /** Called when the app's isolate has ended. */
  onGone(): void
  /** Answers all running requests of the app with an error, after V8 has lost control of the isolate. */
  failAll(cause: string): void
}

/**
 * Milliseconds after an app's failed start in which requests get that error instead of causing another start.
 */
const RETRY_AFTER = 1000
const HIT_BY: Readonly<Partial<Record<string, LimitName>>> = {
  cpu: 'cpuMs',
  memory: 'memoryMb',
  startup: 'startupCpuMs',
  timers: 'timers',
  waits: 'waits',
}

/** The isolate of one version of an app, started on demand and dropped when idle. */
export class TenantIsolate {
  /** True if the artifact was built with the test channel; false before the first start. */
  isTestable = false
  #options: TenantIsolateOptions
  #jobs = new Jobs()
  #log: LogBudget
  #mapper: StackMapper
  #policy: OutboundPolicy
  #starting: Promise<IsolateRuntime> | undefined
  #runtime: IsolateRuntime | undefined
  #failed: { at: number; error: unknown } | undefined

  constructor(options: TenantIsolateOptions) {
    const { record, host } = options
    this.#options = options
    this.#log = new LogBudget({
      perSecond: record.limits.logBytes,
      write: (level, text) => host.log(record.name, level, text),
      map: (text) => this.#mapper.text(text),
      onHit: () => options.bill.hit('logBytes'),
    })
    this.#mapper = new StackMapper(join(record.dir, 'app.js.map'))
    this.#policy = new OutboundPolicy(joinRules(host.outbound, record.settings.outbound))
  }

  /** True if the app has an isolate in this process, or one is starting. */
  get isLive(): boolean {
    return this.#starting !== undefined
  }

  /** The running app; undefined while its isolate has not started. */
  get runtime(): IsolateRuntime | undefined {
    return this.#runtime
  }

  /** The app's isolate for requests that may enter it directly; undefined if there is none. */
  get direct(): IsolateApp | undefined {
    return this.#runtime?.direct
  }

  /** Logs an error of the app, with its stack mapped to the app's sources. */
  logError(text: string): void {
    this.#log.write('error', text)
  }

  /** Returns the running app; starts its isolate if there is none. */
  async open(): Promise<IsolateRuntime> {
    if (this.#failed !== undefined && performance.now() - this.#failed.at < RETRY_AFTER)
      throw this.#failed.error
    const { name, refused } = this.#options.record
    if (refused !== undefined)
      throw new UnmoorError('Throttled', `the app "${name}" is not served: ${refused}`, {
        operation: 'start',
      })
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<IsolateRuntime> {
    const { parts } = this.#options
    try {
      await this.#options.makeRoom()
      const runtime = await this.#createRuntime()
      await parts.migrate().catch(async (error: unknown) => {
        await runtime.close()
        throw error
      })
      this.#failed = undefined
      this.#runtime = runtime
      return runtime
    } catch (error) {
      this.#noteFailure(error)
      throw error
    }
  }

  async #createRuntime(): Promise<IsolateRuntime> {
    const { record, host, parts, bill, subrequests, webSockets } = this.#options
    const [{ info, factory }, bindings] = await Promise.all([parts.load(), parts.bindings()])
    this.isTestable = info.testChannel
    const { name, limits } = record
    const guestLimits = {
      memoryMb: limits.memoryMb,
      cpuMs: limits.cpuMs,
      startupCpuMs: limits.startupCpuMs,
      startupMs: limits.startupCpuMs + 10_000,
    }
    const outbound = new OutboundClient({ policy: this.#policy, onRequest: () => subrequests.take() })
    return createIsolateRuntime({
      host: withoutClose(bindings),
      manifest: info.manifest,
      privatePaths: [host.dataDir, record.dir],
      log: (level, text) => this.#log.write(level, text),
      create: (events) =>
        Engine.start(host.ivm, factory, guestLimits, this.#watch(events), host.inline(name)),
      jobs: this.#jobs,
      sockets: (binding) => host.sockets(record, false)?.transportOf(binding),
      mapper: this.#mapper,
      outbound,
      // Only an existing Worker has WebSockets that it has not declared.
      webSockets: info.manifest.clientHeader === undefined ? undefined : webSockets.by(outbound),
      hooks: {
        timers: limits.timers,
        waits: limits.waits,
        refused: () => bill.hit('memoryMb'),
        body: (body) => limitBody(body, limits.responseBytes, () => bill.hit('responseBytes')),
      },
    })
  }

  #noteFailure(error: unknown): void {
    const { bill } = this.#options
    this.#starting = undefined
    this.#options.onGone()
    this.#failed = { at: performance.now(), error }
    const cause = error instanceof Error ? error.cause : undefined
    const limit = cause instanceof IsolateEnded && cause.detail === '' ? HIT_BY[cause.ended] : undefined
    if (limit !== undefined) bill.hit(limit)
    this.#log.write(
      'error',
      `The app did not start: ${error instanceof Error ? error.message : String(error)}`,
    )
  }

  #watch(events: EngineEvents): EngineEvents {
    const { record, host, bill } = this.#options
    const { name } = record
    return {
      ...events,
      created: (guest) => {
        bill.usage.starts++
        bill.follow(guest)
        events.created?.(guest)
      },
      ended: (error) => {
        bill.settle()
        const limit = HIT_BY[error.ended]
        if (limit !== undefined) bill.hit(limit)
        events.ended(error)
      },
      long: (running) => host.onLong(name, running),
      catastrophe: (message) => {
        this.#options.failAll(`the app's isolate was lost, and its process with it: ${message}`)
        host.onCatastrophe(name, message)
      },
    }
  }

  /** Ends the app's isolate; the next use starts another. */
  async drop(): Promise<void> {
    const starting = this.#starting
    if (starting === undefined) return
    this.#starting = undefined
    this.#runtime = undefined
    const runtime = await starting.catch(() => {})
    await runtime?.close()
    // Skip the clean-up of the isolate if another isolate was started meanwhile.
    if (this.#starting !== undefined) return
    this.#runtime = undefined
    this.#options.bill.leave()
    this.#mapper.forget()
    this.#options.onGone()
  }
}
