import { randomUUID } from 'node:crypto'
import { UnmoorError } from '../../../core/errors.ts'
import type { Connection } from './connection.ts'
import { SEND } from './queue-scripts.ts'

/**
 * Milliseconds for which the Redis server remembers a send without an answer, at least half of them. A repeat
 * comes within two timeouts; the rest is for a server that stands still with the command in its socket.
 */
const REMEMBERED = 600_000
/** Maximum answered sends that one send lets the server forget. */
const MOST_FORGOTTEN = 100

/** A send that failed or was repeated. Its first command may still arrive at the server. */
interface Unclear {
  readonly send: number
  readonly since: number
}

/**
 * Sends of one driver to one queue. Each has a number, which the server keeps in a set with the messages, so
 * that a send whose answer was lost can be repeated: the second command with a number stores nothing, also if
 * the messages of the first were acknowledged meanwhile. Each send lets the server forget the numbers of
 * those that were answered, so the set has about as many members as sends are on their way.
 */
export class Sends {
  #connection: Connection
  #keys: readonly string[]
  #channel: string
  #next = 1
  #answered: number[] = []
  #unclear: Unclear[] = []

  /** `keys` are the four of the queue. */
  constructor(
    connection: Connection,
    keys: readonly string[],
    { name, channel }: Record<'name' | 'channel', string>,
  ) {
    this.#connection = connection
    this.#keys = [...keys, `${name}:sends:${randomUUID()}`]
    this.#channel = channel
  }

  /** Stores messages; `packed` has per message its id, the packed message, and its delay in milliseconds. */
  async send(packed: readonly (string | Buffer)[]): Promise<void> {
    const send = this.#next++
    const begun = performance.now()
    const forgotten = this.#forgettable(begun)
    const args = [this.#channel, send, REMEMBERED, forgotten.length, ...forgotten, ...packed]
    try {
      await this.#connection.run(SEND, this.#keys, args)
      this.#answered.push(send)
    } catch (error) {
      this.#unclear.push({ send, since: begun })
      this.#answered.push(...forgotten)
      if (!(error instanceof UnmoorError && error.code === 'Unavailable' && error.mayHaveApplied)) throw error
      // With a longer timeout the Redis server may have forgotten the send.
      if (performance.now() - begun > REMEMBERED / 4) throw error
      await pause(50 + Math.random() * 200)
      await this.#connection.run(SEND, this.#keys, args).catch((again: unknown) => {
        throw again instanceof UnmoorError
          ? new UnmoorError(again.code, again.message, {
              retryable: again.retryable,
              mayHaveApplied: true,
              cause: again.cause,
            })
          : again
      })
    }
  }

  /** Takes the numbers of sends of which no command can arrive at the Redis server any more. */
  #forgettable(now: number): number[] {
    while (this.#unclear[0] !== undefined && now - this.#unclear[0].since > REMEMBERED)
      this.#answered.push((this.#unclear.shift() as Unclear).send)
    return this.#answered.splice(0, MOST_FORGOTTEN)
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
