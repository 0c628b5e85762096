import { exportedStubs } from '../loopback.ts'
import type { DurableObjectId } from './id.ts'
import { Storage } from './storage.ts'
import { ObjectStore } from './store.ts'

type Class = new (state: DurableObjectState, env: unknown) => Record<string, unknown>

/**
 * One object in memory: made at its first event, which waits for what the constructor does in
 * `blockConcurrencyWhile`.
 */
export class Instance {
  readonly state: DurableObjectState
  readonly object: Record<string, unknown>
  /** Milliseconds since 1970 of the last event's end, for giving up idle ones. */
  used = Date.now()
  active = 0
  #store: ObjectStore
  #busy: Promise<void> | undefined

  constructor(
    id: DurableObjectId,
    className: string,
    Class: Class,
    env: unknown,
    onReset: (reason: unknown) => void,
  ) {
    this.#store = new ObjectStore(`${className}/${id.toString()}`)
    this.state = new DurableObjectState(id, this.#store, (reason) => {
      this.#store.abandon()
      onReset(reason)
    })
    this.object = new Class(this.state, env)
  }

  /** Runs an event once no other one blocks; what was written is on disk before its answer leaves. */
  async run<T>(work: (object: Record<string, unknown>) => T | Promise<T>): Promise<Awaited<T>> {
    this.active++
    try {
      await this.#turn()
      const result = await work(this.object)
      await this.#store.written()
      return result
    } finally {
      this.active--
      this.used = Date.now()
    }
  }

  /**
   * Waits until the event may begin: nothing blocks, and the one before has come to wait for something else
   * than storage. Storage answers within microtasks, so an event that begins in a turn of its own sees none
   * of the others between its reads and writes: what input gates are for.
   */
  async #turn(): Promise<void> {
    for (;;) {
      await this.state.open()
      if (this.#busy === undefined) break
      await this.#busy
    }
    this.#busy = new Promise((resolve) => {
      setTimeout(() => {
        this.#busy = undefined
        resolve()
      }, 0)
    })
  }
}

/** Cloudflare's DurableObjectState. */
export class DurableObjectState {
  readonly id: DurableObjectId
  readonly storage: Storage
  readonly props: unknown = {}
  #gate: Promise<unknown> | undefined
  #broken: { reason: unknown } | undefined
  #onReset: (reason: unknown) => void

  constructor(id: DurableObjectId, store: ObjectStore, onReset: (reason: unknown) => void) {
    this.id = id
    this.#onReset = onReset
    this.storage = new Storage(store, (work) => this.#block(work, false))
  }

  waitUntil(promise: Promise<unknown>): void {
    Promise.resolve(promise).catch((error: unknown) => console.error('waitUntil promise rejected:', error))
  }

  /** Lets no other event in until `work` is done; what it throws resets the object. */
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T> {
    return this.#block(work, true)
  }

  abort(reason?: string): void {
    this.#reset(new Error(reason ?? 'Application called abort() to reset Durable Object.'))
  }

  /** Resolves when nothing blocks. @throws where the object was reset. */
  async open(): Promise<void> {
    while (this.#gate !== undefined) await this.#gate.catch(() => {})
    if (this.#broken !== undefined) throw this.#broken.reason
  }

  /** The Worker's own entrypoints. */
  get exports(): Readonly<Record<string, unknown>> {
    return exportedStubs()
  }

  acceptWebSocket(_socket: unknown): never {
    throw noWebSockets()
  }

  getWebSockets(): [] {
    return []
  }

  setWebSocketAutoResponse(_pair?: unknown): never {
    throw noWebSockets()
  }

  getWebSocketAutoResponse(): null {
    return null
  }

  getWebSocketAutoResponseTimestamp(_socket: unknown): null {
    return null
  }

  setHibernatableWebSocketEventTimeout(_milliseconds?: number): never {
    throw noWebSockets()
  }

  getHibernatableWebSocketEventTimeout(): null {
    return null
  }

  getTags(_socket: unknown): never {
    throw noWebSockets()
  }

  #block<T>(work: () => Promise<T>, resets: boolean): Promise<T> {
    const before = this.#gate ?? Promise.resolve()
    const result = before.then(work, work)
    const gate = result.catch((error: unknown) => {
      if (resets) this.#reset(error)
    })
    this.#gate = gate
    void gate.then(() => {
      if (this.#gate === gate) this.#gate = undefined
    })
    return result
  }

  #reset(reason: unknown): void {
    if (this.#broken !== undefined) return
    this.#broken = { reason }
    this.#onReset(reason)
  }
}

function noWebSockets(): Error {
  return new Error('WebSockets are not supported outside of Cloudflare. Use server-sent events.')
}
