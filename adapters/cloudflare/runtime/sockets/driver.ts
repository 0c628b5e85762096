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

/** Objects that hold the sockets of a binding where the config does not say. */
const SHARDS = 4
/** Each publish calls all of them. */
const MAX_SHARDS = 100

/** Carries an accepted socket from the Worker to its object, as JSON of ASCII characters. */
export const HOLD_HEADER = 'unmoor-hold'

/** The objects that hold the sockets of one binding, and its tickets. */
export class SocketObjects implements TicketedSocketsDriver {
  /** The objects are called by name, so that nothing goes over a driver between processes. */
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

  /** Gives the object a connection to hold; the answer carries the client's end of it. */
  hold(shard: number, accepted: object): Promise<UpgradedResponse> {
    return this.call(shard, (object) =>
      object.fetch('https://unmoor.invalid/', {
        headers: { upgrade: 'websocket', [HOLD_HEADER]: toAscii(JSON.stringify(accepted)) },
      }),
    )
  }

  /** One call to an object. The stub is a fresh one: after an error, a stub stays broken. */
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

/** The objects of a binding. @throws `InvalidArgument` for a number of them that cannot be. */
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

/** Sockets in Durable Objects, spread over a fixed number of them. */
export const sockets: DriverFactory<'sockets', CloudflareDriverOptions> = createSocketObjects

/** The same with tickets, which the objects keep in their storage. */
export const ticketedSockets: DriverFactory<'ticketedSockets', CloudflareDriverOptions> = createSocketObjects

/** JSON as a header may have it. */
function toAscii(json: string): string {
  return json.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
