import { addTopic } from '../../../../core/bindings/socket-checks.ts'
import type { SocketMessage } from '../../../../core/bindings/socket-transport.ts'
import { socketGone } from '../../../../core/bindings/sockets.ts'
import { type NativeSocket, type NativeSocketsState, OPEN } from './native.ts'
import { shardOf } from './socket-id.ts'

/** What is kept with a socket while its object is evicted. At most 6 KB of the 16 that the platform keeps. */
export interface KeptSocket {
  readonly id: string
  readonly binding: string
  /** JSON text of `socket.data`. */
  readonly data: string | undefined
  readonly topics: readonly string[]
  /** Code and reason that the server closes with. Default: it does not. */
  readonly closing?: readonly [code: number, reason: string]
}

/** One socket that this object holds. */
export class HeldSocket {
  readonly native: NativeSocket
  /** Its `close` event has run, or runs. */
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

  /** False once a closing has begun, by either side. */
  get isOpen(): boolean {
    return !this.isGone && this.#kept.closing === undefined && this.native.readyState === OPEN
  }

  keep(change: Partial<KeptSocket>): void {
    this.#kept = { ...this.#kept, ...change }
    this.native.serializeAttachment(this.#kept)
  }

  /** False if the socket takes no messages any more. */
  send(message: SocketMessage): boolean {
    if (!this.isOpen) return false
    try {
      this.native.send(message)
      return true
    } catch {
      // The client has gone, and the event that says so is still to come.
      return false
    }
  }

  closeWith(code: number, reason: string): void {
    if (!this.isOpen) return
    // The client may take its time to answer, and the object sleep meanwhile.
    this.keep({ closing: [code, reason] })
    this.native.close(code, reason)
  }
}

/**
 * The sockets of one object. What they are lies with the platform; this keeps what was read of it, until the
 * object is evicted.
 */
export class HeldSockets {
  #state: NativeSocketsState
  #known = new WeakMap<NativeSocket, HeldSocket>()
  /** Made at the first publish: from then on every socket of the object is in it. */
  #byTopic: Map<string, Set<HeldSocket>> | undefined
  /** The first socket that was seen: all of an object have one binding and one shard. */
  #any: KeptSocket | undefined

  constructor(state: NativeSocketsState) {
    this.#state = state
  }

  /** True if this object holds the sockets of that shard. Known from the first socket on. */
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

  /** The socket behind the platform's; read from its attachment where the object was evicted. */
  of(native: NativeSocket): HeldSocket {
    return this.#known.get(native) ?? this.#know(native, native.deserializeAttachment() as KeptSocket)
  }

  /** @throws `NotFound` for an id that no open socket has. */
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

  /** False if the socket's `close` event has come already. */
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
