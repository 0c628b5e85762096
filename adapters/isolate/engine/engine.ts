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

/**
 * Makes isolates filled with the web API and one app: `CachedIsolateFactory`, or the factory of `unmoor
 * host`, which takes isolates from a pool.
 */
export interface IsolateFactory {
  /** Creates an isolate with the web API in it; returns its `bridge` too if that is connected already. */
  createIsolate(
    memoryMb: number,
    onCatastrophe: (message: string) => void,
  ): Promise<{
    isolate: ivm.Isolate
    context: ivm.Context
    bridge?: Bridge | undefined
    /** Limits the isolate's memory outside V8's heap. Default: no limit for that memory. */
    outside?: OutsideMemory | undefined
  }>
  /**
   * Runs the app in an isolate, on the main thread only if `mayBeInline`. Returns the microseconds that the
   * run took of the main thread.
   *
   * @throws TookTooLongInline if the run took too long on the main thread.
   */
  runApp(isolate: ivm.Isolate, context: ivm.Context, timeout: number, mayBeInline: boolean): Promise<number>
  /**
   * Times of the first entries into all isolates of the process with this app's code. Default: no times are
   * kept.
   */
  readonly firstEntryTimes?: FirstEntryTimes | undefined
}

/** Callbacks of an {@link Engine}, which runs an app in one isolate. */
export interface EngineEvents {
  /** Called when the isolate exists and its app is not loaded yet. */
  created?(engine: Engine): void
  /** Called with a message of the isolate's code: data that a tenant may have made up. */
  message(message: readonly unknown[]): void
  /**
   * Answers a synchronous call of the isolate about the app, its bindings or one of its events. The result is
   * copied into the isolate.
   */
  sync?(data: readonly unknown[]): unknown
  /**
   * Called with the reason of a rejection in the isolate's code that nobody handled, as a copy: an Error, or
   * a primitive.
   */
  uncaught(reason: unknown): void
  /** Called when the isolate ended; no further message of its code follows. */
  ended(error: IsolateEnded): void
  /** Called when the isolate was refused memory outside V8's heap. */
  refused?(): void
  /**
   * Called with true when an entry into the isolate has run for longer than the interval of the CPU watch,
   * and with false when it is over. A crash of the process is blamed on such an entry.
   */
  long?(running: boolean): void
  /**
   * Called when V8 has lost control of the isolate, or cannot end the code in it: the process cannot go on.
   */
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
 * Microseconds of the main thread that a synchronous call of an isolate costs besides its work: both
 * crossings of the bridge and their copies. Measured 9.5 for an empty call on 2 cores; a little less is
 * charged, so that nobody pays for time that was not used.
 */
const CROSSING_US = 8
/**
 * Names of an isolate's synchronous calls that {@link EngineEvents.sync} answers; the engine's own services
 * answer the others.
 */
const CALLS_OF_APP: ReadonlySet<unknown> = new Set([
  'objects',
  'environment',
  'client',
  'requestId',
  'ticket',
])

/** Bytes of memory that an isolate holds. */
interface HeldMemory {
  /** Bytes of the isolate that V8 counts as used, in its heap and in buffers. */
  readonly inside: number
  readonly outside: number
  /** Bytes that the isolate's heap has reserved from the system, and bytes of its buffers. */
  readonly reserved: number
}
const NO_MEMORY: HeldMemory = { inside: 0, outside: 0, reserved: 0 }

/**
 * The engine of one isolate with an app in it: starts it, receives its messages and ends it. {@link Entries}
 * enters the isolate, {@link CpuBudget} limits its CPU time. Tenant code reaches nothing of isolated-vm:
 * three callbacks, kept in the web API's closures, are all that the isolate holds of this process.
 */
export class Engine {
  #isolate: ivm.Isolate
  #events: EngineEvents
  /** Bytes of the isolate's messages that this process holds. */
  readonly held = new HeldBytes()
  #inline: InlineEntries | undefined
  #budget: CpuBudget
  #entries: Entries
  #load = new AppLoad()
  /** True while the app's script runs in the isolate, on whatever thread. */
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
   * Makes an isolate and loads the app. Without `inline` the isolate is never entered on the main thread.
   *
   * @throws IsolateEnded if the app cannot be loaded: it threw, took too long, or needs too much memory.
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
      // Reporting the app as ready may have taken its start over the CPU limit, which ends the isolate.
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

  /** Processor time that the isolate uses. */
  get time(): EngineTime {
    return this.#budget.time
  }

  /**
   * Charges the isolate with microseconds of the main thread, which all tenants share. Ends the isolate if
   * the entry under way, or the last one, has exceeded its limit.
   */
  charge(microseconds: number): void {
    this.#budget.charge(microseconds)
  }

  /**
   * Charges the isolate with microseconds of work off the main thread, which is metered but not limited,
   * because it blocks nobody.
   */
  chargeBeside(microseconds: number): void {
    this.time.addBeside(microseconds)
  }

  /**
   * Returns the bytes that the isolate holds: its heap, its buffers, WebAssembly's and other memory outside
   * V8's heap; 0 once the isolate has ended. Ends the isolate if the sum, without garbage, is more than its
   * limit.
   */
  async memory(): Promise<number> {
    let held = await this.#measure(false)
    // V8 collects garbage only when an isolate's heap and buffers reach the limit. Before that most of the
    // isolate's memory can be garbage, so garbage is collected before the second reading.
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

  /** True if the isolate has ever had memory of WebAssembly, or a buffer that can grow. */
  get holdsWasm(): boolean {
    return this.#outside?.isWasmUsed === true
  }

  /** Queues a message for the code in the isolate. */
  send(...message: GuestMessage): void {
    this.#entries.send(message)
  }

  /** Calls the app's fetch handler for a request, which crosses the bridge as strings. */
  fetch(request: FlatRequest): void {
    this.#entries.fetch(request)
  }

  /** Ends the isolate with the cause `closed`, which is not reported as an event. */
  close(): void {
    this.#end('closed', 'The isolate was closed.', false)
  }

  /** Ends the isolate for what it did; events under way in it fail with `message`. */
  end(cause: EndCause, message: string): void {
    this.#end(cause, message, true)
  }

  // Answers a synchronous call of the isolate, which waits for the answer. The work is on the main thread,
  // which all tenants share, so its time is charged to the tenant. The CPU limit is checked here too, because
  // a loop of such calls leaves little time for the timer of the CPU watch.
  #call(calls: SyncCall, data: [unknown, ...unknown[]]): unknown {
    if (this.#ended !== undefined) return undefined
    const crossing = this.#inline?.isInside === true ? 0 : CROSSING_US
    if (data[0] === 'taken') this.held.taken()
    if (data[0] === 'ready') return this.#budget.work(() => this.#load.ready(), crossing)
    const ofApp = CALLS_OF_APP.has(data[0])
    return this.#budget.work(() => (ofApp ? this.#events.sync?.(data) : calls(...data)), crossing)
  }

  #hear(weight: number, message: unknown[]): void {
    if (this.#ended !== undefined) return
    // If no inline entry is under way, the isolate's code sent the message from another thread after such an
    // entry.
    if (this.#inline?.hear(message, weight) !== true) this.#receive([message], weight)
    else if (this.#inline.isFull) this.#end('memory', 'it said more at once than the host can hold', true)
  }

  #receive(batch: unknown, weight: number): void {
    if (this.#ended !== undefined || !Array.isArray(batch)) return
    this.held.arrive(weight)
    this.#budget.work(() => {
      for (const message of batch as unknown[]) if (Array.isArray(message)) this.#events.message(message)
    }, weight * UNPACK_US)
  }

  #threw(error: unknown): void {
    if (this.#isolate.isDisposed) return this.#end(...diedOf(error), true)
    // The error thrown by an entry into the isolate is the first rejection that the app did not handle. The
    // isolate lives on.
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
