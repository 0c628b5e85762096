import { exportedStubs } from '../loopback.ts'
import { state } from '../state.ts'
import type { AutoResponse, Hibernation } from '../web-sockets/hooks.ts'
import { Gate } from './gate.ts'
import { Life } from './life.ts'
import type { DurableObjectId } from './id.ts'
import { Storage } from './storage.ts'
import { ObjectStore } from './store.ts'

type Class = new (state: DurableObjectState, env: unknown) => Record<string, unknown>

/**
 * A Durable Object in memory: created at its first event, which waits for the constructor's
 * `blockConcurrencyWhile`.
 */
export class Instance {
  readonly state: DurableObjectState
  readonly object: Record<string, unknown>
  /** End of the Durable Object's last event in milliseconds since 1970, by which idle objects are evicted. */
  used = Date.now()
  active = 0
  #store: ObjectStore
  #gate: Gate
  #life: Life
  #busy: Promise<void> | undefined

  constructor(
    id: DurableObjectId,
    className: string,
    Class: Class,
    env: unknown,
    onReset: (reason: unknown) => void,
  ) {
    this.#store = new ObjectStore(`${className}/${id.toString()}`)
    this.#life = new Life((reason) => {
      this.#store.abandon(reason)
      onReset(reason)
    })
    this.#gate = new Gate(this.#life)
    this.#store.onBroken = (reason) => this.#life.end(reason)
    this.state = new DurableObjectState(id, this.#store, this.#gate, this.#life)
    this.object = this.#gate.enter(() => new Class(this.state, env)) as Record<string, unknown>
  }

  /** True if the Durable Object must stay in memory. */
  get isBusy(): boolean {
    return this.active > 0 || this.#life.isHeld
  }

  /** Checks that the Durable Object was not reset. @throws the reason of the reset. */
  check(): void {
    this.#life.check()
  }

  /**
   * Runs a Durable Object's event once no other event blocks. Writes are on disk before the result is
   * returned.
   */
  async run<T>(work: (object: Record<string, unknown>) => T | Promise<T>): Promise<Awaited<T>> {
    this.active++
    try {
      await this.#turn()
      // A reset of the Durable Object rejects the events being handled as well.
      const result = await this.#life.run(() => this.#gate.enter(() => work(this.object)))
      await this.#store.written()
      this.check()
      return result
    } finally {
      this.active--
      this.used = Date.now()
    }
  }

  /**
   * Waits until an event of a Durable Object may begin: no section blocks, and the event before it waits for
   * something other than storage. Storage answers within microtasks, so an event that begins in an event-loop
   * turn of its own never runs between another's reads and writes. Cloudflare's input gates exist for that.
   */
  async #turn(): Promise<void> {
    for (;;) {
      await this.#gate.open()
      this.#life.check()
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

/** Cloudflare's DurableObjectState: the `ctx` of a Durable Object. */
export class DurableObjectState {
  readonly id: DurableObjectId
  readonly storage: Storage
  readonly props: unknown = {}
  /** Class and id of the Durable Object, which identify it. @internal */
  readonly key: string
  #gate: Gate
  #life: Life

  constructor(id: DurableObjectId, store: ObjectStore, gate: Gate, life: Life) {
    this.id = id
    this.key = store.name
    this.#gate = gate
    this.#life = life
    this.storage = new Storage(store, gate)
  }

  waitUntil(promise: Promise<unknown>): void {
    const release = this.#life.hold()
    Promise.resolve(promise)
      .catch((error: unknown) => console.error('waitUntil promise rejected:', error))
      .finally(release)
  }

  /** Blocks other events of the Durable Object until `work` is done; an error of `work` resets the object. */
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#gate.run(work)
    result.catch((error: unknown) => this.#life.end(error))
    return result
  }

  /** Resets the Durable Object; nothing after the call runs. @throws the reason. */
  abort(reason?: string): never {
    const error = Object.assign(new Error(reason ?? 'Application called abort() to reset Durable Object.'), {
      durableObjectReset: true,
    })
    this.#life.end(error)
    throw error
  }

  /** Stubs of the Worker's own entrypoints (`ctx.exports`). */
  get exports(): Readonly<Record<string, unknown>> {
    return exportedStubs()
  }

  acceptWebSocket(...args: [socket: unknown, tags?: readonly string[]]): void {
    sockets().accept(this, args)
  }

  getWebSockets(tag?: string): WebSocket[] {
    return (state.webSockets?.hibernation.sockets(this, tag) ?? []) as WebSocket[]
  }

  getTags(socket: unknown): string[] {
    return sockets().tags(this, socket)
  }

  setWebSocketAutoResponse(pair?: unknown): void {
    sockets().setAuto(this, pair)
  }

  getWebSocketAutoResponse(): AutoResponse | null {
    return state.webSockets?.hibernation.auto(this) ?? null
  }

  getWebSocketAutoResponseTimestamp(socket: unknown): Date | null {
    return state.webSockets?.hibernation.autoAt(this, socket) ?? null
  }

  setHibernatableWebSocketEventTimeout(milliseconds?: number): void {
    sockets().setTimeout(this, milliseconds)
  }

  getHibernatableWebSocketEventTimeout(): number | null {
    return state.webSockets?.hibernation.timeout(this) ?? null
  }
}

/** Returns the WebSocket hibernation API. @throws if the target has no WebSockets or the Worker uses none. */
function sockets(): Hibernation {
  if (state.webSockets === undefined)
    throw new Error(
      'WebSockets of a Worker are not supported here: node and isolate have them, where the build finds ' +
        '"WebSocketPair" in the source. Use server-sent events, or the binding "sockets".',
    )
  return state.webSockets.hibernation
}
