/**
 * What operators do with a queue on JetStream. The server does not tell which messages are leased: those that
 * the consumer has been sent at least once, and that are not acked, count as leased, as in `depth`.
 */
import type { QueuePeeked } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { Connection } from './connection.ts'
import { serverCode } from './errors.ts'
import { movedHeaders, peeked, type Stored, storedMessage } from './message.ts'
import type { QueueStream } from './stream.ts'

/** Number of JetStream messages that a purge deletes at the same time. */
const DELETED_AT_ONCE = 100

/** Error code of JetStream for a message number that a stream does not have. */
const NO_SEQUENCE = 10_043
/** Error code of JetStream for a delete that failed, of which only the text tells why. */
const DELETE_FAILED = 10_057
const MISSING = /no message found|deleted message/

interface Found extends Stored {
  readonly sequence: number
  readonly subject: string
  /** Time at which the server stored the message, in milliseconds since 1970. */
  readonly time: number
}

/**
 * Returns the time at which the server stored the first message that was never delivered, in milliseconds
 * since 1970.
 */
export async function oldestStored(connection: Connection, queue: QueueStream): Promise<number | undefined> {
  const { sequence } = await delivered(connection, queue)
  for await (const { time } of stored(connection, queue.stream, queue.now, sequence + 1)) return time
  return undefined
}

/** Returns a queue's first messages without receiving them. */
export async function peekQueue(
  connection: Connection,
  queue: QueueStream,
  limit: number,
): Promise<QueuePeeked[]> {
  const { sequence } = await delivered(connection, queue)
  const found: QueuePeeked[] = []
  for await (const message of stored(connection, queue.stream, queue.all, 1)) {
    const state =
      message.subject === queue.later ? 'delayed' : message.sequence > sequence ? 'ready' : 'leased'
    found.push(peeked(message, state))
    if (found.length === limit) break
  }
  return found
}

/**
 * Moves dead letters that were never delivered back to their queue. A crash between the two steps repeats the
 * move, which the server stores once within its duplicate window.
 */
export async function replayQueue(
  connection: Connection,
  queues: { own: QueueStream; deadLetter: QueueStream },
  { limit, ids }: { limit: number; ids?: readonly string[] | undefined },
): Promise<string[]> {
  const { own, deadLetter } = queues
  const wanted = ids === undefined ? undefined : new Set(ids)
  const moved: string[] = []
  if (wanted?.size === 0) return moved
  const { sequence } = await delivered(connection, deadLetter)
  for await (const message of stored(connection, deadLetter.stream, deadLetter.now, sequence + 1)) {
    const { id } = peeked(message, 'ready')
    if (wanted?.delete(id) === false) continue
    const headers = movedHeaders(message, deadLetter.stream, message.sequence)
    await connection.store(own.now, message.data, headers)
    await remove(connection, deadLetter.stream, message.sequence)
    moved.push(id)
    if (moved.length === limit || wanted?.size === 0) break
  }
  return moved
}

/** Removes a queue's messages that are delayed or were never delivered. Returns their number. */
export async function purgeQueue(connection: Connection, queue: QueueStream): Promise<number> {
  const { state } = (await connection.api(`STREAM.INFO.${queue.stream}`)) as { state: { last_seq: number } }
  const end = state.last_seq + 1
  const purge = async (filter: string): Promise<number> => {
    const answer = await connection.api(`STREAM.PURGE.${queue.stream}`, { filter, seq: end })
    return Number(answer['purged'])
  }
  let purged = await purge(queue.later)
  const { sequence, leased } = await delivered(connection, queue)
  if (leased === 0) return purged + (await purge(queue.now))
  // A purge by subject would also remove the leased messages, which are the oldest, so the others are deleted
  // one by one.
  for (let from = sequence + 1; from < end; from += DELETED_AT_ONCE) {
    const sequences = Array.from(
      { length: Math.min(DELETED_AT_ONCE, end - from) },
      (_, index) => from + index,
    )
    const removed = await Promise.all(sequences.map((number) => remove(connection, queue.stream, number)))
    purged += removed.filter(Boolean).length
  }
  return purged
}

/** Returns the number of the last message that a queue's consumer was sent, and how many are not acked. */
async function delivered(
  connection: Connection,
  { stream }: QueueStream,
): Promise<{ sequence: number; leased: number }> {
  const { delivered: last, num_ack_pending } = (await connection.api(`CONSUMER.INFO.${stream}.now`)) as {
    delivered: { stream_seq: number }
    num_ack_pending: number
  }
  return { sequence: last.stream_seq, leased: num_ack_pending }
}

/** Reads the messages of a stream by their numbers, which delivers none of them. */
async function* stored(
  connection: Connection,
  stream: string,
  subject: string,
  from: number,
): AsyncGenerator<Found> {
  for (let next = from; ;) {
    const answer = await connection
      .api(`STREAM.MSG.GET.${stream}`, { seq: next, next_by_subj: subject })
      .catch(noneIfMissing)
    if (answer === undefined) return
    const message = answer['message'] as {
      seq: number
      subject: string
      time: string
      hdrs?: string
      data?: string
    }
    const { seq, subject: of, time } = message
    yield { ...storedMessage(message), sequence: seq, subject: of, time: Date.parse(time) }
    next = seq + 1
  }
}

/** Deletes a message from a stream. Resolves to false if it was not there any more. */
async function remove(connection: Connection, stream: string, sequence: number): Promise<boolean> {
  const request = { seq: sequence, no_erase: true }
  const answer = await connection.api(`STREAM.MSG.DELETE.${stream}`, request).catch(noneIfMissing)
  return answer !== undefined
}

function noneIfMissing(error: unknown): undefined {
  if (error instanceof UnmoorError && error.code === 'NotFound') return undefined
  if (serverCode(error) === NO_SEQUENCE) return undefined
  if (serverCode(error) === DELETE_FAILED && MISSING.test(String(error))) return undefined
  throw error
}
