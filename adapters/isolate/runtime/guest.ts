import type ivm from 'isolated-vm'
import { TookTooLongHere } from './app-code.ts'
import { type Bridge, connectNow } from './bridge.ts'
import { diedOf, type EndCause, IsolateEnded, startError, TIMED_OUT } from './ended.ts'
import { GuestTime } from './guest-time.ts'
import { HeldBytes } from './held-bytes.ts'
import type { FirstEntries } from './first-entries.ts'
import { EntryWatch } from './entry-watch.ts'
import { createHostCalls, type HostCall } from './host-calls.ts'
import { type Enter, InlineEntries, type InlineOptions, type PlainRequest, splitAnswer } from './inline.ts'
import { isPlainAnswer, KeptAnswers } from './kept-answers.ts'
import type { Limits } from './limits.ts'
import { afterReading } from './turn.ts'

/** What fills isolates: `Image`, or the multi-tenant host's, which takes them from a pool. */
export interface GuestImage {
  /** `bridge` where it is connected already. */
  createIsolate(
    memoryMb: number,
    onCatastrophe: (message: string) => void,
  ): Promise<{ isolate: ivm.Isolate; context: ivm.Context; bridge?: Bridge | undefined }>
  /** Gives the microseconds that it took of this thread, where it was `mayBeHere`. @throws TookTooLongHere where that was in vain. */
  runApp(isolate: ivm.Isolate, context: ivm.Context, timeout: number, mayBeHere: boolean): Promise<number>
  /** Of all isolates with this code in the process. Default: nothing is known of them. */
  readonly firstEntries?: FirstEntries | undefined
}

/** What an isolate tells its host. */
export interface GuestEvents {
  /** The isolate is there, its app not loaded yet. */
  created?(guest: Guest): void
  /** A message of the guest: data that a tenant may have made up. */
  message(message: readonly unknown[]): void
  /** A synchronous call for the app's bindings; what it gives is copied into the isolate. */
  sync?(data: readonly unknown[]): unknown
  /** The reason of a rejection in the guest that nobody handled, as a copy: an Error, or a primitive. */
  uncaught(reason: unknown): void
  /** The isolate ended; nothing comes any more. */
  ended(error: IsolateEnded): void
  /** An entry has been under way for more than a tick (`true`), or is over after that: what a crash of the process is blamed on. */
  long?(running: boolean): void
  /** V8 has lost control of the isolate: the process cannot go on. */
  catastrophe(message: string): void
}

/**
 * Messages that go in with one entry. Each may be a request, or go on with one, so an entry of several may take as many times the limit of one: in time
 * they come to the same as one entry each. It is also how many times the limit a loop may run that has come in along with others.
 */
const MAX_CROSSING = 16
/**
 * Microseconds of the host's main thread that a synchronous call costs besides its work: the crossing both ways and its copies. Measured 9.5 on 2 cores
 * for a call of nothing; a little less is charged, so that nobody pays for what was not used.
 */
const CROSSING_US = 8
/** Microseconds of it that a message costs per unit of weight (`guest/web/weigh.ts`) to be unpacked: measured 0.03 to 0.15 per value, 0.0008 per byte. */
const UNPACK_US = 0.001

type Message = [string, ...unknown[]]

/**
 * One isolate with an app in it. Messages to it are gathered and go in with one call while it is idle; what it says meanwhile comes out in one.
 * Where its entries are short (`pace.ts`) it is entered from this very thread, else on one of isolated-vm's, so that nobody waits for it.
 * Tenant code reaches nothing of isolated-vm: three callbacks, kept in the web API's closures, are all that the isolate holds of the host.
 */
export class Guest {
  #isolate: ivm.Isolate
  #dispatch: ivm.Reference<Enter> | undefined
  #outbox: Message[] = []
  #running = false
  #entries = 0
  #limits: Limits
  #events: GuestEvents
  #ended: IsolateEnded | undefined
  #watch: EntryWatch
  #ready = Promise.withResolvers<void>()
  /** Rejects with the first error that nobody handled before the app was ready. */
  #failed = Promise.withResolvers<never>()
  /** What it takes of the machine. */
  readonly time: GuestTime
  readonly held = new HeldBytes()
  #loading = true
  /** Messages of the entry under way. */
  #crossing = 1
  #inline: InlineEntries | undefined
  /** Until there was one. */
  #firstEntries: FirstEntries | undefined
  /** To be entered with from this thread, one by one. */
  #requests: PlainRequest[] = []
  #answers: KeptAnswers

  private constructor(isolate: ivm.Isolate, limits: Limits, events: GuestEvents, inline: InlineOptions | undefined) {
    this.#isolate = isolate
    this.#limits = limits
    this.#events = events
    this.#inline = inline === undefined ? undefined : new InlineEntries(isolate, inline)
    this.time = new GuestTime(isolate, this.#inline)
    this.#watch = new EntryWatch({
      entry: () => (this.#running && this.#ended === undefined && !this.#isolate.isDisposed ? this.#entries : undefined),
      first: () => this.time.look(),
      again: () => this.#checkEntry(),
      long: (running) => events.long?.(running),
    })
    this.#answers = new KeptAnswers((answer) => {
      if (this.#ended === undefined) events.message(answer)
    })
    // Heard by nobody once the app is ready.
    this.#failed.promise.catch(() => {})
  }

  /**
   * Makes an isolate and loads the app; without `inline` it is never entered from this thread.
   *
   * @throws IsolateEnded where the app cannot be loaded: it threw, took too long, or needs too much memory.
   */
  static async start(module: typeof ivm, image: GuestImage, limits: Limits, events: GuestEvents, inline?: InlineOptions): Promise<Guest> {
    try {
      return await Guest.#start(module, image, limits, events, inline, inline !== undefined)
    } catch (error) {
      if (!(error instanceof TookTooLongHere)) throw error
      return Guest.#start(module, image, limits, events, inline, false)
    }
  }

  static async #start(
    module: typeof ivm,
    image: GuestImage,
    limits: Limits,
    events: GuestEvents,
    inline: InlineOptions | undefined,
    mayBeHere: boolean,
  ): Promise<Guest> {
    const { isolate, context, bridge } = await image.createIsolate(limits.memoryMb, (message) => events.catastrophe(message))
    const guest = new Guest(isolate, limits, events, inline)
    // Loading an app is tenant code too: `timeout` of isolated-vm counts waiting, this one only work.
    const stopWatch = guest.#watch.load(() => {
      guest.time.lookAtStart()
      guest.#checkStart()
    })
    try {
      guest.#connect(bridge ?? connectNow(module, context))
      events.created?.(guest)
      const us = await image.runApp(isolate, context, limits.startupMs, mayBeHere)
      guest.#inline?.add(us)
      guest.#firstEntries = image.firstEntries
      if (us > 0 && image.firstEntries?.areShort === true) guest.#inline?.pace.trust()
      await guest.#loaded(limits.startupMs)
      // What told that the app is ready may have been what took it over its limit.
      if (guest.#ended !== undefined) throw guest.#ended
      guest.#loading = false
      return guest
    } catch (error) {
      const memory = isolate.isDisposed
      const ended = guest.#ended
      guest.#end('closed', 'The app did not start.', false)
      if (error instanceof TookTooLongHere) throw error
      throw ended ?? startError(error, limits, memory)
    } finally {
      stopWatch()
      if (guest.#ended === undefined) context.release()
    }
  }

  #connect(bridge: Bridge): void {
    const calls = createHostCalls()
    this.#dispatch = bridge.dispatch
    bridge.ends = {
      receive: (batch, weight) => this.#receive(batch, weight),
      hear: (weight, message) => this.#hear(weight, message),
      call: (data) => this.#call(calls, data),
    }
  }

  /** Resolves when the app's module is through, its top-level `await`s included. */
  async #loaded(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(TIMED_OUT)), milliseconds)
    })
    const ended = this.#failed.promise
    await Promise.race([this.#ready.promise, late, ended]).finally(() => clearTimeout(timer))
  }

  /** Charges microseconds of the thread that all tenants share; ends the isolate where the entry under way, or the last one, has had its share. */
  charge(microseconds: number): void {
    this.time.addHost(microseconds)
    if (this.#ended !== undefined) return
    if (this.#loading) this.#checkStart()
    else if (this.#inline?.isInside === true) {
      if (this.#inline.elapsed > this.#limits.cpuMs) this.#endForCpu()
    } else if (this.#watch.hasSeen(this.#entries)) this.#checkEntry()
    else if (this.time.hasUsedOfHost(this.#limits.cpuMs * this.#crossing)) this.#endForCpu()
  }

  /** Charges microseconds of work on threads beside: metered, not limited, as it holds nobody up. */
  chargeBeside(microseconds: number): void {
    this.time.addBeside(microseconds)
  }

  /** Bytes that the isolate holds: its heap and its buffers. 0 once it has ended. */
  async memory(): Promise<number> {
    if (this.#ended !== undefined || this.#isolate.isDisposed) return 0
    const statistics = await this.#isolate.getHeapStatistics()
    return statistics.total_heap_size + statistics.externally_allocated_size
  }

  /** Queues a message for the guest. */
  send(...message: Message): void {
    if (this.#ended !== undefined) return
    this.#outbox.push(message)
    if (!this.#running) this.#schedule()
  }

  /**
   * Calls the fetch handler. Where the isolate may be entered from this thread, requests of one turn of the event loop have an entry each, one after the other,
   * so that the processor's caches are the isolate's for as long.
   */
  fetch(request: PlainRequest): void {
    if (this.#running || this.#ended !== undefined || !this.#isInline || request.body instanceof Uint8Array) {
      this.send('fetch', request.id, request.method, request.url, request.headers, request.body)
      request.entered()
    } else if (this.#requests.push(request) === 1) afterReading(() => this.#enterRequests())
  }

  // The answers are written when all isolates have had their requests of this turn.
  #enterRequests(): () => void {
    const requests = this.#requests
    this.#requests = []
    for (const { id, method, url, headers, body } of requests) {
      // What has ended the isolate has failed all its requests.
      if (this.#ended !== undefined) break
      if (this.#running || !this.#isInline) this.send('fetch', id, method, url, headers, body)
      else {
        this.#running = true
        this.#enterInline([id, method, url, headers, body as string | null])
        this.#running = false
      }
    }
    return () => {
      this.#answers.hearAll()
      for (const request of requests) request.entered()
      if (this.#outbox.length > 0 && !this.#running) this.#schedule()
    }
  }

  // What else the host has to say in this turn goes along. An isolate in this thread lets others have their turn first: its calls may be answered without any wait.
  #schedule(): void {
    this.#running = true
    if (this.#isInline) setImmediate(() => void this.#enter())
    else queueMicrotask(() => void this.#enter())
  }

  /** Ends the isolate. */
  close(): void {
    this.#end('closed', 'The isolate was closed.', false)
  }

  /** Ends the isolate for what it did; what is under way in it fails with `message`. */
  end(cause: EndCause, message: string): void {
    this.#end(cause, message, true)
  }

  #checkStart(): void {
    const max = this.#limits.startupCpuMs ?? this.#limits.startupMs
    if (this.time.hasUsed(max)) this.#end('startup', `loading the app took more than its limit of ${max} ms of CPU time`, false)
  }

  // The isolate waits while the host works on its main thread, which all tenants share: the time is the tenant's, and its limit is looked at here too,
  // as a loop of such calls leaves little time for the timer.
  #call(calls: HostCall, data: [unknown, ...unknown[]]): unknown {
    if (this.#ended !== undefined) return undefined
    const crossing = this.#inline?.isInside === true ? 0 : CROSSING_US
    if (data[0] === 'taken') this.held.taken()
    if (data[0] === 'ready') return this.#work(() => this.#ready.resolve(), crossing)
    return this.#work(() => (data[0] === 'objects' ? this.#events.sync?.(data) : calls(...data)), crossing)
  }

  async #enter(): Promise<void> {
    while (this.#outbox.length > 0 && this.#ended === undefined) {
      if (this.#isInline) {
        const batch = this.#outbox
        this.#outbox = []
        this.#enterInline([batch, true])
        this.#answers.hearAll()
        continue
      }
      const batch = this.#outbox.slice(0, MAX_CROSSING)
      this.#outbox = this.#outbox.slice(MAX_CROSSING)
      this.#crossing = batch.length
      this.#entries++
      this.time.begin()
      this.held.taken()
      this.#watch.begin()
      const before = this.time.active
      try {
        await this.#dispatch?.apply(undefined, [batch], ENTER)
      } catch (error) {
        this.#threw(error)
      }
      this.#noteFirst(batch, this.time.active - before)
      this.#inline?.pace.noteOutside(this.time.active - before)
    }
    this.#running = false
  }

  get #isInline(): boolean {
    return this.#inline?.isReady === true
  }

  /** Enters from this thread. What the guest said is heard after it, so that nothing enters twice at once. */
  #enterInline(args: Parameters<Enter>): void {
    if (this.#inline === undefined || this.#dispatch === undefined) return
    this.#entries++
    this.#crossing = 1
    this.time.begin()
    const before = this.#inline.us
    this.held.taken()
    const { answer, said, weight, error, late } = this.#inline.enter(this.#dispatch, args, this.#limits.cpuMs)
    this.held.arrive(weight)
    this.#noteFirst(args[0], this.#inline.us - before)
    if (late === true) this.#endForCpu()
    else if (error !== undefined) this.#threw(error)
    if (answer !== undefined) {
      this.charge(answer.length * UNPACK_US)
      if (this.#ended === undefined) this.#answers.keep(['response', args[0], ...splitAnswer(answer)], answer.length)
    }
    if (said.length === 0) return
    if (answer === undefined && said.length === 1 && isPlainAnswer(said[0] as unknown[])) {
      if (weight > 0) this.charge(weight * UNPACK_US)
      if (this.#ended === undefined) this.#answers.keep(said[0] as unknown[], weight)
      return
    }
    for (const message of said) {
      if (this.#ended !== undefined) return
      // An answer is written in here; that is the server's own work.
      if (message[0] === 'response') this.#events.message(message)
      else this.#work(() => this.#events.message(message), 0)
    }
    if (weight > 0) this.charge(weight * UNPACK_US)
  }

  /** The first entry with a request, or of one, tells of the next isolate's. */
  #noteFirst(entered: unknown[] | number, us: number): void {
    if (this.#firstEntries === undefined) return
    if (typeof entered === 'object' && !entered.some((message) => (message as Message)[0] === 'fetch')) return
    const hasFailed = this.#ended !== undefined && this.#ended.ended !== 'closed'
    this.#firstEntries.note(hasFailed ? Infinity : us)
    this.#firstEntries = undefined
  }

  #hear(weight: unknown, message: unknown[]): void {
    if (this.#ended !== undefined) return
    // Else it was said by what ran on another thread after an entry from this one.
    if (this.#inline?.hear(message, weight) !== true) this.#receive([message], weight)
    else if (this.#inline.isFull) this.#end('memory', 'it said more at once than the host can hold', true)
  }

  #threw(error: unknown): void {
    if (this.#isolate.isDisposed) this.#end(...diedOf(error), true)
    // The first rejection that nobody handled is thrown here; the isolate lives on.
    else this.#uncaught(error)
  }

  #uncaught(reason: unknown): void {
    this.#failed.reject(reason)
    this.#events.uncaught(reason)
  }

  #receive(batch: unknown, weight: unknown): void {
    if (this.#ended !== undefined || !Array.isArray(batch)) return
    this.held.arrive(weight)
    this.#work(
      () => {
        for (const message of batch as unknown[]) if (Array.isArray(message)) this.#events.message(message)
      },
      typeof weight === 'number' && weight > 0 ? weight * UNPACK_US : 0,
    )
  }

  /** Does work for the isolate on the thread that all tenants share, charges it with `more` microseconds, and ends the isolate where it has had its share. */
  #work<T>(work: () => T, more: number): T {
    const begun = performance.now()
    const { host } = this.time
    try {
      return work()
    } finally {
      // What was charged meanwhile is part of this.
      this.time.rewindHost(host)
      this.charge((performance.now() - begun) * 1000 + more)
    }
  }

  #checkEntry(): void {
    if (this.time.hasUsed(this.#limits.cpuMs * this.#crossing)) this.#endForCpu()
  }

  #endForCpu(): void {
    this.#end('cpu', `it used more than its limit of ${this.#limits.cpuMs} ms of CPU time at once`, true)
  }

  #end(cause: EndCause, message: string, report: boolean): void {
    // Those are through.
    this.#answers.hearAll()
    if (this.#ended !== undefined) return
    // For the last time.
    void this.time.active
    if (cause !== 'closed') this.#inline?.pace.distrust()
    this.#inline?.close()
    this.#ended = new IsolateEnded(cause, message)
    this.#watch.stop()
    this.#outbox = []
    if (!this.#isolate.isDisposed) this.#isolate.dispose()
    this.#failed.reject(this.#ended)
    if (report) this.#events.ended(this.#ended)
  }
}

const ENTER = { arguments: { copy: true } } as const
