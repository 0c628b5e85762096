import { fnv1a } from '../../../../core/bindings/bytes.ts'
import type {
  DriverContext,
  DriverFactory,
  TicketedSocketsDriver,
} from '../../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import type { CloudflareDriverOptions } from '../../options.ts'
import { nativeOf } from '../native-of.ts'
import { objectError } from '../object-errors.ts'
import type { NativeSocketsNamespace, SocketsObjectStub, UpgradedResponse } from './native.ts'

/** Default number of Durable Objects that hold the WebSockets of a sockets binding. */
const SHARDS = 4
/** Largest number of Durable Objects for a sockets binding; each publish calls all of them. */
const MAX_SHARDS = 100

/** Header that carries an accepted WebSocket from the Worker to its Durable Object, as JSON in ASCII. */
export const HOLD_HEADER = 'unmoor-hold'

/** Driver of one sockets binding: calls the Durable Objects that hold its WebSockets and tickets. */
export class SocketObjects implements TicketedSocketsDriver {
  /**
   * True because no process sends sockets texts to others: the Worker reaches every WebSocket by calling the
   * Durable Object that holds it.
   */
  readonly isAlone = true
  readonly shards: number
  #namespace: NativeSocketsNamespace
  #binding: string
  #now: () => number

  constructor(
    namespace: NativeSocketsNamespace,
    { binding, shards, now }: { binding: string; shards: number; now: () => number },
  ) {
    this.#namespace = namespace
    this.#binding = binding
    this.shards = shards
    this.#now = now
  }

  async listen(): Promise<void> {}

  async broadcast(): Promise<void> {}

  async send(): Promise<boolean> {
    return false
  }

  /** Hands an accepted WebSocket to its Durable Object; the response carries the client's end. */
  hold(shard: number, accepted: object): Promise<UpgradedResponse> {
    return this.call(shard, (object) =>
      object.fetch('https://unmoor.invalid/', {
        headers: { upgrade: 'websocket', [HOLD_HEADER]: toAscii(JSON.stringify(accepted)) },
      }),
    )
  }

  /** Calls a Durable Object through a fresh stub: a stub stays broken after an error. */
  async call<T>(shard: number, work: (object: SocketsObjectStub) => Promise<T>): Promise<T> {
    try {
      return await work(this.#namespace.get(this.#namespace.idFromName(`${this.#binding}/${shard}`)))
    } catch (error) {
      throw objectError(error, true)
    }
  }

  async saveTicket(id: string, value: string, seconds: number): Promise<void> {
    const now = this.#now()
    await this.call(this.#ticketShard(id), (object) =>
      object.saveTicket(id, value, now + seconds * 1000, now),
    )
  }

  takeTicket(id: string): Promise<string | null> {
    return this.call(this.#ticketShard(id), (object) => object.takeTicket(id, this.#now()))
  }

  #ticketShard(id: string): number {
    return fnv1a(id) % this.shards
  }
}

/** Creates the driver of a sockets binding. @throws `InvalidArgument` for an invalid number of shards. */
export function createSocketObjects(
  { shards = SHARDS }: CloudflareDriverOptions,
  context: DriverContext,
): SocketObjects {
  const { binding } = context
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS)
    throw new UnmoorError(
      'InvalidArgument',
      `Binding "${binding}": shards is ${shards}, not a whole number from 1 to ${MAX_SHARDS}.`,
      { binding, operation: 'start' },
    )
  return new SocketObjects(nativeOf<NativeSocketsNamespace>(context, 'Durable Object namespace'), {
    binding,
    shards,
    now: () => context.now(),
  })
}

/** Driver for sockets bindings: sockets are spread over a fixed number of Durable Objects. */
export const sockets: DriverFactory<'sockets', CloudflareDriverOptions> = createSocketObjects

/** Driver for sockets bindings with tickets, which the Durable Objects keep in their storage. */
export const ticketedSockets: DriverFactory<'ticketedSockets', CloudflareDriverOptions> = createSocketObjects

/** Escapes the JSON of an accepted WebSocket to ASCII, as a header value requires. */
function toAscii(json: string): string {
  return json.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
