import { addTopic } from '../../../../core/bindings/socket-checks.ts'
import type { SocketMessage } from '../../../../core/bindings/socket-transport.ts'
import { socketGone } from '../../../../core/bindings/sockets.ts'
import { type NativeSocket, type NativeSocketsState, OPEN } from './native.ts'
import { shardOf } from './socket-id.ts'

/**
 * State kept with a WebSocket while its Durable Object is evicted: at most 6 KB of the 16 KB that the
 * platform keeps.
 */
export interface KeptSocket {
  readonly id: string
  readonly binding: string
  /** JSON text of the WebSocket's `socket.data`. */
  readonly data: string | undefined
  readonly topics: readonly string[]
  /** Code and reason with which the server has begun to close the WebSocket. Default: the server has not. */
  readonly closing?: readonly [code: number, reason: string]
}

/** One WebSocket that this Durable Object holds. */
export class HeldSocket {
  readonly native: NativeSocket
  /** True once the WebSocket's `close` event has begun. */
  isGone = false
  #kept: KeptSocket

  constructor(native: NativeSocket, kept: KeptSocket) {
    this.native = native
    this.#kept = kept
  }

  get id(): string {
    return this.#kept.id
  }

  get data(): string | undefined {
    return this.#kept.data
  }

  get kept(): KeptSocket {
    return this.#kept
  }

  /** True until either side begins to close the WebSocket. */
  get isOpen(): boolean {
    return !this.isGone && this.#kept.closing === undefined && this.native.readyState === OPEN
  }

  keep(change: Partial<KeptSocket>): void {
    this.#kept = { ...this.#kept, ...change }
    this.native.serializeAttachment(this.#kept)
  }

  /** Sends a message to the WebSocket client. Returns false if the socket is no longer open. */
  send(message: SocketMessage): boolean {
    if (!this.isOpen) return false
    try {
      this.native.send(message)
      return true
    } catch {
      // Sending to a WebSocket fails if its client is gone and its close event has not arrived yet.
      return false
    }
  }

  closeWith(code: number, reason: string): void {
    if (!this.isOpen) return
    // The close code is kept with the WebSocket because the client may answer late, after the Durable Object
    // was evicted.
    this.keep({ closing: [code, reason] })
    this.native.close(code, reason)
  }
}

/**
 * The WebSockets of one Durable Object. Cloudflare stores their state; this class caches what was read, until
 * the object is evicted.
 */
export class HeldSockets {
  #state: NativeSocketsState
  #known = new WeakMap<NativeSocket, HeldSocket>()
  /** Index of WebSockets by topic, created at the first publish and maintained from then on. */
  #byTopic: Map<string, Set<HeldSocket>> | undefined
  /**
   * State of the first WebSocket seen. That state identifies the object, since all of its sockets share one
   * binding and one shard.
   */
  #any: KeptSocket | undefined

  constructor(state: NativeSocketsState) {
    this.#state = state
  }

  /**
   * True if this Durable Object holds the WebSockets of `shard` in `binding`; false until it has seen one.
   */
  isShard(binding: string, shard: number): boolean {
    return this.#any?.binding === binding && shardOf(this.#any.id) === shard
  }

  accept(native: NativeSocket, kept: KeptSocket): HeldSocket {
    this.#state.acceptWebSocket(native, [kept.id])
    const held = this.#know(native, kept)
    held.keep({})
    for (const topic of kept.topics) this.#index(topic, held)
    return held
  }

  /**
   * Returns the held socket of workerd's WebSocket; its state is read from the attachment if the object was
   * evicted.
   */
  of(native: NativeSocket): HeldSocket {
    return this.#known.get(native) ?? this.#know(native, native.deserializeAttachment() as KeptSocket)
  }

  /** Returns the open WebSocket with this id. @throws `NotFound` if there is none. */
  open(id: string): HeldSocket {
    for (const native of this.#state.getWebSockets(id)) {
      const held = this.of(native)
      if (held.isOpen) return held
    }
    throw socketGone(id)
  }

  publish(topic: string, message: SocketMessage): void {
    for (const held of this.#topics().get(topic) ?? []) held.send(message)
  }

  subscribe(id: string, topic: string): void {
    const held = this.open(id)
    const { topics } = held.kept
    const more = addTopic(topics, topic)
    if (more === topics) return
    held.keep({ topics: more })
    this.#index(topic, held)
  }

  unsubscribe(id: string, topic: string): void {
    const held = this.open(id)
    if (!held.kept.topics.includes(topic)) return
    held.keep({ topics: held.kept.topics.filter((one) => one !== topic) })
    this.#unindex(topic, held)
  }

  /** Marks a WebSocket as closed. Returns false if its `close` event has already run. */
  end(held: HeldSocket): boolean {
    if (held.isGone) return false
    held.isGone = true
    for (const topic of held.kept.topics) this.#unindex(topic, held)
    return true
  }

  #know(native: NativeSocket, kept: KeptSocket): HeldSocket {
    const held = new HeldSocket(native, kept)
    this.#known.set(native, held)
    this.#any ??= kept
    return held
  }

  #topics(): Map<string, Set<HeldSocket>> {
    if (this.#byTopic === undefined) {
      this.#byTopic = new Map()
      for (const native of this.#state.getWebSockets()) {
        const held = this.of(native)
        if (held.isOpen) for (const topic of held.kept.topics) this.#index(topic, held)
      }
    }
    return this.#byTopic
  }

  #index(topic: string, held: HeldSocket): void {
    const sockets = this.#byTopic?.get(topic)
    if (sockets === undefined) this.#byTopic?.set(topic, new Set([held]))
    else sockets.add(held)
  }

  #unindex(topic: string, held: HeldSocket): void {
    const sockets = this.#byTopic?.get(topic)
    sockets?.delete(held)
    if (sockets?.size === 0) this.#byTopic?.delete(topic)
  }
}
