import type {
  AcceptedSocket,
  SocketMessage,
  SocketTransport,
} from '../../../../core/bindings/socket-transport.ts'
import { socketGone } from '../../../../core/bindings/sockets.ts'
import type { SocketObjects } from './driver.ts'
import type { HeldSockets } from './held-sockets.ts'
import { newSocketId, shardOf } from './socket-id.ts'
import { notAnswered, type Upgrades } from './upgrades.ts'

/** Options of {@link ObjectTransport}, which reaches the WebSockets of one binding. */
export interface TransportOptions {
  readonly binding: string
  readonly objects: SocketObjects
  /** WebSocket upgrades that the Worker is answering. */
  readonly upgrades: Upgrades
  /**
   * WebSockets of the Durable Object that this env belongs to; undefined for the Worker's own env, which
   * holds none.
   */
  readonly held: HeldSockets | undefined
}

/**
 * Transport of one sockets binding: WebSockets of this Durable Object are reached directly, other sockets by
 * calls to their objects.
 */
export class ObjectTransport implements SocketTransport {
  #options: TransportOptions

  constructor(options: TransportOptions) {
    this.#options = options
  }

  async accept(request: Request, accepted: AcceptedSocket): Promise<Response> {
    const { binding, objects, upgrades } = this.#options
    // A random shard spreads WebSockets evenly without a shared counter.
    const shard = Math.floor(Math.random() * objects.shards)
    return (upgrades.of(request) ?? notAnswered()).accept({
      binding,
      id: newSocketId(shard),
      shard,
      socket: accepted,
    })
  }

  async send(id: string, message: SocketMessage): Promise<void> {
    const shard = this.#shardOf(id)
    const local = this.#heldBy(shard)
    const taken =
      local === undefined
        ? await this.#options.objects.call(shard, (object) => object.send(id, message))
        : local.open(id).send(message)
    if (!taken) throw socketGone(id)
  }

  async close(id: string, code: number, reason: string): Promise<void> {
    const shard = this.#shardOf(id)
    const local = this.#heldBy(shard)
    if (local !== undefined) return local.open(id).closeWith(code, reason)
    const taken = await this.#options.objects.call(shard, (object) => object.close(id, code, reason))
    if (!taken) throw socketGone(id)
  }

  async publish(topic: string, message: SocketMessage): Promise<void> {
    const { objects } = this.#options
    await Promise.all(
      Array.from({ length: objects.shards }, async (_, shard) => {
        const local = this.#heldBy(shard)
        if (local === undefined) await objects.call(shard, (object) => object.publish(topic, message))
        else local.publish(topic, message)
      }),
    )
  }

  async setData(id: string, data: string | undefined): Promise<void> {
    this.#own(id).open(id).keep({ data })
  }

  async subscribe(id: string, topic: string): Promise<void> {
    this.#own(id).subscribe(id, topic)
  }

  async unsubscribe(id: string, topic: string): Promise<void> {
    this.#own(id).unsubscribe(id, topic)
  }

  async saveTicket(id: string, value: string, seconds: number): Promise<void> {
    await this.#options.objects.saveTicket(id, value, seconds)
  }

  ticketOf(request: Request): string | undefined {
    return this.#options.upgrades.of(request)?.ticket
  }

  #shardOf(id: string): number {
    const shard = shardOf(id)
    if (shard === undefined || shard >= this.#options.objects.shards) throw socketGone(id)
    return shard
  }

  #heldBy(shard: number): HeldSockets | undefined {
    const { held, binding } = this.#options
    return held?.isShard(binding, shard) === true ? held : undefined
  }

  /**
   * Returns the WebSockets of this Durable Object. Handlers run in the object that holds their socket; in the
   * Worker itself the socket counts as gone.
   */
  #own(id: string): HeldSockets {
    return this.#options.held ?? socketIsGone(id)
  }
}

function socketIsGone(id: string): never {
  throw socketGone(id)
}
