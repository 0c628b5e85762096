import type { Msg } from '@nats-io/transport-node'
import type { Connection } from './connection.ts'
import { deliveryOf, dueAt, movedHeaders } from './message.ts'
import type { QueueStream } from './stream.ts'

/** Milliseconds of one NATS pull for delayed messages, and of the longest pause after a failure. */
const PULL = 20_000
const LONGEST_PAUSE = 5000

/**
 * Moves delayed messages to their queue's subject in NATS when they are due: servers before 2.12 have no
 * delayed delivery. Each process that receives runs one mover. A message that is not due is returned to the
 * server until then. If a process dies in the middle of a move, the repeated move has the same message id,
 * and the server stores the message once.
 */
export class Later {
  #connection: Connection
  #queue: QueueStream
  #stopping = new AbortController()
  #running: Promise<void> | undefined

  constructor(connection: Connection, queue: QueueStream) {
    this.#connection = connection
    this.#queue = queue
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    while (!signal.aborted) {
      try {
        const moves: Promise<void>[] = []
        await this.#connection.pull(this.#queue.stream, 'later', {
          batch: 100,
          expires: PULL,
          signal,
          onMessage: (message) => void moves.push(this.#move(message)),
        })
        await Promise.all(moves)
        failures = 0
      } catch {
        // A failure to move delayed messages is not reported here: the receive that runs in parallel reports
        // it to its caller.
        failures++
        await pause(Math.random() * Math.min(LONGEST_PAUSE, 100 * 2 ** failures), signal)
      }
    }
  }

  /**
   * Moves one delayed message in NATS. It never rejects, because the server delivers a message again that was
   * not moved.
   */
  async #move(message: Msg): Promise<void> {
    const reply = message.reply ?? ''
    try {
      const left = dueAt(message) - Date.now()
      if (left > 0)
        return await this.#connection.publish(
          reply,
          `-NAK ${JSON.stringify({ delay: Math.ceil(left * 1e6) })}`,
        )
      await this.#connection.store(
        this.#queue.now,
        message.data,
        movedHeaders(message, this.#queue.stream, deliveryOf(reply).sequence),
      )
      await this.#connection.publish(reply, '+ACK')
    } catch {
      // A failed move is ignored: the NATS server delivers the message again after the ack wait.
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done, { once: true })
  })
}
