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

  /** True if the object must stay in memory. */
  get isBusy(): boolean {
    return this.active > 0 || this.#life.isHeld
  }

  /** @throws what it was reset for. */
  check(): void {
    this.#life.check()
  }

  /** Runs an event once no other one blocks; what was written is on disk before its answer leaves. */
  async run<T>(work: (object: Record<string, unknown>) => T | Promise<T>): Promise<Awaited<T>> {
    this.active++
    try {
      await this.#turn()
      // A reset ends the events that are being handled as well.
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
   * Waits until the event may begin: nothing blocks, and the one before has come to wait for something else
   * than storage. Storage answers within microtasks, so an event that begins in a turn of its own sees none
   * of the others between its reads and writes: what input gates are for.
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

/** Cloudflare's DurableObjectState. */
export class DurableObjectState {
  readonly id: DurableObjectId
  readonly storage: Storage
  readonly props: unknown = {}
  /** The object's class and id. @internal */
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

  /** Lets no other event in until `work` is done; what it throws resets the object. */
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#gate.run(work)
    result.catch((error: unknown) => this.#life.end(error))
    return result
  }

  /** Resets the object; nothing after the call runs. @throws the reason. */
  abort(reason?: string): never {
    const error = Object.assign(new Error(reason ?? 'Application called abort() to reset Durable Object.'), {
      durableObjectReset: true,
    })
    this.#life.end(error)
    throw error
  }

  /** The Worker's own entrypoints. */
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

/** @throws where the target has none, or the Worker names none. */
function sockets(): Hibernation {
  if (state.webSockets === undefined)
    throw new Error(
      'WebSockets of a Worker are not supported here: of the targets but Cloudflare, node has them. Use ' +
        'server-sent events, or the binding "sockets".',
    )
  return state.webSockets.hibernation
}
