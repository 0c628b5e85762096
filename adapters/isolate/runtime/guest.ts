import type ivm from 'isolated-vm'
import { createHostCalls } from './host-calls.ts'
import type { Limits } from './limits.ts'

/** Why an isolate ended. */
export type EndCause = 'cpu' | 'memory' | 'startup' | 'timers' | 'closed' | 'crash'

/** The end of an isolate, as the error of what was under way. */
export class IsolateEnded extends Error {
  override readonly name = 'IsolateEnded'
  readonly ended: EndCause
  /** For the log only: what the app threw. The message may go to clients. */
  readonly detail: string

  constructor(ended: EndCause, message: string, detail = '') {
    super(message)
    this.ended = ended
    this.detail = detail
  }
}

/** What fills isolates: `Image`, or the multi-tenant host's, which takes them from a pool. */
export interface GuestImage {
  createIsolate(memoryMb: number, onCatastrophe: (message: string) => void): Promise<{ isolate: ivm.Isolate; context: ivm.Context }>
  runApp(isolate: ivm.Isolate, context: ivm.Context, timeout: number): Promise<void>
}

/** What an isolate tells its host. */
export interface GuestEvents {
  /** The isolate is there, its app not loaded yet. */
  created?(guest: Guest): void
  /** A message of the guest: data that a tenant may have made up. */
  message(message: readonly unknown[]): void
  /** An error in the guest that no handler saw. */
  uncaught(error: Error): void
  /** The isolate ended; nothing comes any more. */
  ended(error: IsolateEnded): void
  /** An entry has been under way for more than a tick (`true`), or is over after that: what a crash of the process is blamed on. */
  long?(running: boolean): void
  /** V8 has lost control of the isolate: the process cannot go on. */
  catastrophe(message: string): void
}

/** How often a running isolate's CPU time is looked at, in milliseconds. */
const TICK = 10

type Message = [string, ...unknown[]]

/**
 * One isolate with an app in it. Messages to it are gathered and go in with one call while it is idle; what it says meanwhile comes out in one.
 * Tenant code reaches nothing of isolated-vm: two callbacks, kept in the web API's closures, are all that the isolate holds of the host.
 */
export class Guest {
  #isolate: ivm.Isolate
  #dispatch: ivm.Reference<(batch: Message[]) => void> | undefined
  #outbox: Message[] = []
  #running = false
  #entries = 0
  #limits: Limits
  #events: GuestEvents
  #ended: IsolateEnded | undefined
  #timer: NodeJS.Timeout | undefined
  #seenEntry = -1
  #ready = Promise.withResolvers<void>()
  /** Rejects with the first error that nobody handled before the app was ready. */
  #failed = Promise.withResolvers<never>()
  #cpuBefore = 0n
  #cpuAtEnd = 0n
  #isLong = false

  private constructor(isolate: ivm.Isolate, limits: Limits, events: GuestEvents) {
    this.#isolate = isolate
    this.#limits = limits
    this.#events = events
    // Heard by nobody once the app is ready.
    this.#failed.promise.catch(() => {})
  }

  /** Makes an isolate and loads the app. @throws IsolateEnded where the app cannot be loaded: it threw, took too long, or needs too much memory. */
  static async start(module: typeof ivm, image: GuestImage, limits: Limits, events: GuestEvents): Promise<Guest> {
    const { isolate, context } = await image.createIsolate(limits.memoryMb, (message) => events.catastrophe(message))
    const guest = new Guest(isolate, limits, events)
    const watch = guest.#watchStart()
    try {
      await guest.#connect(module, context)
      events.created?.(guest)
      await image.runApp(isolate, context, limits.startupMs)
      await guest.#loaded(limits.startupMs)
      return guest
    } catch (error) {
      const memory = isolate.isDisposed
      const ended = guest.#ended
      guest.#end('closed', 'The app did not start.', false)
      throw ended ?? startError(error, limits, memory)
    } finally {
      clearInterval(watch)
      guest.#setLong(false)
      if (guest.#ended === undefined) context.release()
    }
  }

  async #connect(module: typeof ivm, context: ivm.Context): Promise<void> {
    const post = new module.Callback((batch: unknown) => this.#receive(batch), { ignored: true })
    const call = new module.Callback(createHostCalls(), { sync: true })
    this.#dispatch = await context.evalClosure(CONNECT, [post, call], { result: { reference: true } })
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

  /** CPU time that the isolate has used, in nanoseconds; once it has ended, what was last known. */
  get cpuTime(): bigint {
    if (!this.#isolate.isDisposed) this.#cpuAtEnd = this.#isolate.cpuTime
    return this.#cpuAtEnd
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
    if (this.#running) return
    this.#running = true
    // What else the host has to say in this turn goes along.
    queueMicrotask(() => void this.#enter())
  }

  /** Ends the isolate. */
  close(): void {
    this.#end('closed', 'The isolate was closed.', false)
  }

  /** Ends the isolate for what it did; what is under way in it fails with `message`. */
  end(cause: EndCause, message: string): void {
    this.#end(cause, message, true)
  }

  // Loading an app is tenant code too: `timeout` of isolated-vm counts waiting, this one only work.
  #watchStart(): NodeJS.Timeout {
    return setInterval(() => {
      this.#setLong(true)
      const max = this.#limits.startupCpuMs
      if (max !== undefined && Number(this.cpuTime) / 1e6 > max)
        this.#end('startup', `loading the app took more than its limit of ${max} ms of CPU time`, false)
    }, TICK)
  }

  #setLong(running: boolean): void {
    if (this.#isLong === running) return
    this.#isLong = running
    this.#events.long?.(running)
  }

  async #enter(): Promise<void> {
    while (this.#outbox.length > 0 && this.#ended === undefined) {
      const batch = this.#outbox
      this.#outbox = []
      this.#entries++
      this.#watch()
      try {
        await this.#dispatch?.apply(undefined, [batch], ENTER)
      } catch (error) {
        if (this.#isolate.isDisposed) this.#end(...diedOf(error), true)
        // The first rejection that nobody handled is thrown here; the isolate lives on.
        else this.#uncaught(error instanceof Error ? error : new Error(String(error)))
      }
    }
    this.#running = false
  }

  #uncaught(error: Error): void {
    this.#failed.reject(error)
    this.#events.uncaught(error)
  }

  #receive(batch: unknown): void {
    if (this.#ended !== undefined || !Array.isArray(batch)) return
    for (const message of batch as unknown[]) {
      if (!Array.isArray(message)) continue
      if (message[0] === 'ready') this.#ready.resolve()
      else this.#events.message(message)
    }
  }

  // CPU time is looked at from outside, so that waiting costs a tenant nothing and a loop cannot hide. One timer for all entries: most are over before it fires.
  #watch(): void {
    this.#timer ??= setInterval(() => this.#check(), TICK)
  }

  #check(): void {
    if (!this.#running || this.#ended !== undefined || this.#isolate.isDisposed) {
      clearInterval(this.#timer)
      this.#timer = undefined
      this.#setLong(false)
      return
    }
    const cpu = this.cpuTime
    if (this.#seenEntry !== this.#entries) {
      this.#seenEntry = this.#entries
      this.#cpuBefore = cpu
      this.#setLong(false)
      return
    }
    this.#setLong(true)
    const used = Number(cpu - this.#cpuBefore) / 1e6
    if (used > this.#limits.cpuMs) this.#end('cpu', `it used more than its limit of ${this.#limits.cpuMs} ms of CPU time at once`, true)
  }

  #end(cause: EndCause, message: string, report: boolean): void {
    if (this.#ended !== undefined) return
    this.#cpuAtEnd = this.cpuTime
    this.#ended = new IsolateEnded(cause, message)
    clearInterval(this.#timer)
    this.#setLong(false)
    this.#outbox = []
    if (!this.#isolate.isDisposed) this.#isolate.dispose()
    this.#failed.reject(this.#ended)
    if (report) this.#events.ended(this.#ended)
  }
}

const TIMED_OUT = 'Script execution timed out.'

const ENTER = { arguments: { copy: true } } as const

// Takes the callbacks into the web API's closures. The app's half of the guest takes the link off the global afterwards.
const CONNECT = `
  const link = globalThis.__unmoor_link
  const post = $0, call = $1
  link.connect({ post: (batch) => post(batch), call: (...data) => call(...data) })
  return (batch) => link.dispatch(batch)
`

function diedOf(error: unknown): [EndCause, string] {
  const text = error instanceof Error ? error.message : String(error)
  if (text.includes('memory limit')) return ['memory', 'it used more than its limit of memory']
  return ['crash', `it ended: ${text}`]
}

function startError(error: unknown, limits: Limits, memory: boolean): IsolateEnded {
  if (error instanceof IsolateEnded) return error
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (memory) return new IsolateEnded('memory', `loading the app took more than its limit of ${limits.memoryMb} MB of memory`)
  if (text.includes(TIMED_OUT)) return new IsolateEnded('startup', `loading the app took more than its limit of ${limits.startupMs} ms`)
  return new IsolateEnded('startup', 'the app threw while it was loaded', text)
}
