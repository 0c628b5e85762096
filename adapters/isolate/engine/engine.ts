import type ivm from 'isolated-vm'
import { AppLoad } from './app-load.ts'
import { CpuBudget } from './cpu-budget.ts'
import { Entries, type GuestMessage, UNPACK_US } from './entries.ts'
import { TookTooLongInline } from './app-code.ts'
import { type Bridge, connectNow } from './bridge.ts'
import { HeldBytes } from './held-bytes.ts'
import type { OutsideMemory } from './memory/guard.ts'
import { diedOf, type EndCause, IsolateEnded, startError } from './ended.ts'
import type { FirstEntryTimes } from './first-entry-times.ts'
import type { EngineTime } from './engine-time.ts'
import { createSyncCalls, type SyncCall } from '../services/sync-calls.ts'
import { InlineEntries, type InlineOptions, type FlatRequest } from './inline-entries.ts'
import { watchLeave } from './leave-watch.ts'
import type { Limits } from './limits.ts'

/** What fills isolates: `CachedIsolateFactory`, or the multi-tenant host's, which takes them from a pool. */
export interface IsolateFactory {
  /** `bridge` where it is connected already. */
  createIsolate(
    memoryMb: number,
    onCatastrophe: (message: string) => void,
  ): Promise<{
    isolate: ivm.Isolate
    context: ivm.Context
    bridge?: Bridge | undefined
    /** Default: it is held to nothing outside V8's heap. */
    outside?: OutsideMemory | undefined
  }>
  /**
   * Returns the microseconds that it took of this thread, where it was `mayBeInline`.
   *
   * @throws TookTooLongInline where that was in vain.
   */
  runApp(isolate: ivm.Isolate, context: ivm.Context, timeout: number, mayBeInline: boolean): Promise<number>
  /** Times of first entries, over all isolates with this code in the process. Default: none are known. */
  readonly firstEntryTimes?: FirstEntryTimes | undefined
}

/** What an isolate tells its host. */
export interface EngineEvents {
  /** The isolate is there, its app not loaded yet. */
  created?(engine: Engine): void
  /** A message of the guest: data that a tenant may have made up. */
  message(message: readonly unknown[]): void
  /**
   * A synchronous call for the app's bindings, or for an event's client; what it gives is copied into the
   * isolate.
   */
  sync?(data: readonly unknown[]): unknown
  /** The reason of a rejection in the guest that nobody handled, as a copy: an Error, or a primitive. */
  uncaught(reason: unknown): void
  /** The isolate ended; nothing comes any more. */
  ended(error: IsolateEnded): void
  /** The isolate was refused memory outside V8's heap. */
  refused?(): void
  /**
   * An entry has been under way for more than a tick (`true`), or is over after that: what a crash of the
   * process is blamed on.
   */
  long?(running: boolean): void
  /** V8 has lost control of the isolate, or cannot end what runs in it: the process cannot go on. */
  catastrophe(message: string): void
}

interface Start {
  module: typeof ivm
  factory: IsolateFactory
  limits: Limits
  events: EngineEvents
  inline: InlineOptions | undefined
}

/**
 * Microseconds of the host's own thread that a synchronous call costs besides its work: the crossing both
 * ways and its copies. Measured 9.5 on 2 cores for a call of nothing; a little less is charged, so that
 * nobody pays for what was not used.
 */
const CROSSING_US = 8
/** Calls that ask about the app and its events rather than one of its bindings. */
const CALLS_OF_APP: ReadonlySet<unknown> = new Set([
  'objects',
  'environment',
  'client',
  'requestId',
  'ticket',
])

/** Bytes that an isolate holds. */
interface HeldMemory {
  /** What V8 counts as used: its heap and buffers. */
  readonly inside: number
  readonly outside: number
  /** What the heap has of the system, and buffers. */
  readonly reserved: number
}
const NO_MEMORY: HeldMemory = { inside: 0, outside: 0, reserved: 0 }

/**
 * One isolate with an app in it: how it starts, what it says, and how it ends. {@link Entries} are the way
 * into it, {@link CpuBudget} is its share of the processor. Tenant code reaches nothing of isolated-vm: three
 * callbacks, kept in the web API's closures, are all that the isolate holds of the host.
 */
export class Engine {
  #isolate: ivm.Isolate
  #events: EngineEvents
  /** What the host holds of its messages. */
  readonly held = new HeldBytes()
  #inline: InlineEntries | undefined
  #budget: CpuBudget
  #entries: Entries
  #load = new AppLoad()
  /** True while the app's script runs, on whatever thread. */
  #isStarting = false
  #memoryMb: number
  #outside: OutsideMemory | undefined
  #ended: IsolateEnded | undefined

  private constructor(isolate: ivm.Isolate, { limits, events, inline }: Start) {
    this.#isolate = isolate
    this.#events = events
    this.#memoryMb = limits.memoryMb
    this.#inline = inline === undefined ? undefined : new InlineEntries(isolate, inline)
    this.#budget = new CpuBudget(isolate, limits, this.#inline, {
      exceeded: (cause, message) => this.#end(cause, message, cause === 'cpu'),
      long: (running) => events.long?.(running),
    })
    this.#entries = new Entries(this.#inline, this.#budget, this.held, {
      message: (message) => events.message(message),
      threw: (error) => this.#threw(error),
    })
  }

  /**
   * Makes an isolate and loads the app; without `inline` it is never entered from this thread.
   *
   * @throws IsolateEnded where the app cannot be loaded: it threw, took too long, or needs too much memory.
   */
  static async start(
    module: typeof ivm,
    factory: IsolateFactory,
    limits: Limits,
    events: EngineEvents,
    inline?: InlineOptions,
  ): Promise<Engine> {
    const options = { module, factory, limits, events, inline }
    try {
      return await Engine.#start(options, inline !== undefined)
    } catch (error) {
      if (!(error instanceof TookTooLongInline)) throw error
      return Engine.#start(options, false)
    }
  }

  static async #start(options: Start, mayBeInline: boolean): Promise<Engine> {
    const { module, factory, limits, events } = options
    const { isolate, context, bridge, outside } = await factory.createIsolate(limits.memoryMb, (message) =>
      events.catastrophe(message),
    )
    const engine = new Engine(isolate, options)
    engine.#outside = outside
    if (outside !== undefined) outside.onHit = () => engine.#ended ?? events.refused?.()
    const stopWatch = engine.#budget.watchStart()
    try {
      engine.#connect(bridge ?? connectNow(module, context))
      events.created?.(engine)
      options.inline?.onEnter?.()
      engine.#isStarting = true
      const us = await factory
        .runApp(isolate, context, limits.startupMs, mayBeInline)
        .finally(() => (engine.#isStarting = false))
      engine.#entries.appHasRun(us, factory.firstEntryTimes)
      await engine.#load.finished(limits.startupMs)
      // What told that the app is ready may have been what took it over its limit.
      if (engine.#ended !== undefined) throw engine.#ended
      engine.#budget.started()
      return engine
    } catch (error) {
      const memory = isolate.isDisposed
      const ended = engine.#ended
      engine.#end('closed', 'The app did not start.', false)
      if (error instanceof TookTooLongInline) throw error
      throw ended ?? startError(error, limits, memory)
    } finally {
      stopWatch()
      if (engine.#ended === undefined) context.release()
    }
  }

  #connect(bridge: Bridge): void {
    const calls = createSyncCalls()
    this.#entries.connect(bridge.dispatch)
    bridge.ends = {
      receive: (batch, weight) => this.#receive(batch, weight),
      hear: (weight, message) => this.#hear(weight, message),
      call: (data) => this.#call(calls, data),
    }
  }

  /** What it takes of the machine. */
  get time(): EngineTime {
    return this.#budget.time
  }

  /**
   * Charges microseconds of the thread that all tenants share; ends the isolate where the entry under way, or
   * the last one, has had its share.
   */
  charge(microseconds: number): void {
    this.#budget.charge(microseconds)
  }

  /** Charges microseconds of work on threads beside: metered, not limited, as it holds nobody up. */
  chargeBeside(microseconds: number): void {
    this.time.addBeside(microseconds)
  }

  /**
   * Bytes that the isolate holds: its heap, its buffers, memory of WebAssembly and what else is outside V8's
   * heap. 0 once it has ended. Ends an isolate in which the sum is more than its limit, garbage left out.
   */
  async memory(): Promise<number> {
    let held = await this.#measure(false)
    // V8 collects garbage when heap and buffers alone reach the limit: up to then most can be garbage.
    if (held.outside > 0 && this.#isBeyond(held)) held = await this.#measure(true)
    if (held.outside > 0 && this.#isBeyond(held))
      this.#end('memory', `it used more than its limit of memory, memoryMb, ${this.#memoryMb} MB`, true)
    return held.reserved + held.outside
  }

  async #measure(collectFirst: boolean): Promise<HeldMemory> {
    if (this.#ended !== undefined || this.#isolate.isDisposed) return NO_MEMORY
    const outside = this.holdsOutside ? ((await this.#outside?.measure(collectFirst)) ?? 0) : 0
    const statistics = await this.#isolate.getHeapStatistics()
    const { used_heap_size: used, total_heap_size: total, externally_allocated_size: buffers } = statistics
    return { inside: used + buffers, outside, reserved: total + buffers }
  }

  #isBeyond({ inside, outside }: HeldMemory): boolean {
    return inside + outside > this.#memoryMb * 1024 * 1024
  }

  /** True if the isolate has ever had memory outside V8's heap, such as WebAssembly's. */
  get holdsOutside(): boolean {
    return this.#outside?.isUsed === true
  }

  /** True if some of the memory outside V8's heap was WebAssembly's, or a buffer's that can grow. */
  get holdsWasm(): boolean {
    return this.#outside?.isWasmUsed === true
  }

  /** Queues a message for the guest. */
  send(...message: GuestMessage): void {
    this.#entries.send(message)
  }

  /** Calls the fetch handler. */
  fetch(request: FlatRequest): void {
    this.#entries.fetch(request)
  }

  /** Ends the isolate. */
  close(): void {
    this.#end('closed', 'The isolate was closed.', false)
  }

  /** Ends the isolate for what it did; what is under way in it fails with `message`. */
  end(cause: EndCause, message: string): void {
    this.#end(cause, message, true)
  }

  // The isolate waits while the host works on its main thread, which all tenants share: the time is the
  // tenant's, and its limit is looked at here too, as a loop of such calls leaves little time for the timer.
  #call(calls: SyncCall, data: [unknown, ...unknown[]]): unknown {
    if (this.#ended !== undefined) return undefined
    const crossing = this.#inline?.isInside === true ? 0 : CROSSING_US
    if (data[0] === 'taken') this.held.taken()
    if (data[0] === 'ready') return this.#budget.work(() => this.#load.ready(), crossing)
    const ofApp = CALLS_OF_APP.has(data[0])
    return this.#budget.work(() => (ofApp ? this.#events.sync?.(data) : calls(...data)), crossing)
  }

  #hear(weight: unknown, message: unknown[]): void {
    if (this.#ended !== undefined) return
    // Not heard inline: code sent it that ran on another thread, after an entry from this one.
    if (this.#inline?.hear(message, weight) !== true) this.#receive([message], weight)
    else if (this.#inline.isFull) this.#end('memory', 'it said more at once than the host can hold', true)
  }

  #receive(batch: unknown, weight: unknown): void {
    if (this.#ended !== undefined || !Array.isArray(batch)) return
    this.held.arrive(weight)
    this.#budget.work(
      () => {
        for (const message of batch as unknown[]) if (Array.isArray(message)) this.#events.message(message)
      },
      typeof weight === 'number' && weight > 0 ? weight * UNPACK_US : 0,
    )
  }

  #threw(error: unknown): void {
    if (this.#isolate.isDisposed) return this.#end(...diedOf(error), true)
    // The first rejection that nobody handled is thrown by an entry; the isolate lives on.
    this.#load.fail(error)
    this.#events.uncaught(error)
  }

  #end(cause: EndCause, message: string, report: boolean): void {
    this.#entries.deliverAnswers()
    if (this.#ended !== undefined) return
    this.#budget.close()
    if (cause !== 'closed') this.#inline?.policy.distrust()
    this.#inline?.close()
    this.#ended = new IsolateEnded(cause, message)
    this.#entries.close(cause)
    if (!this.#isolate.isDisposed) this.#isolate.dispose()
    watchLeave(
      () => this.#isStarting || this.#budget.isEntered,
      () => this.#events.catastrophe('its code goes on after its end'),
    )
    this.#load.fail(this.#ended)
    if (report) this.#events.ended(this.#ended)
  }
}
