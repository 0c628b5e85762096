/** The operations of the data route on an app's queues, for `unmoor queue`. */
import type { App } from '../app.ts'
import type { QueueDeclaration } from '../bindings/declarations.ts'
import { invalidArgument, UnmoorError } from '../errors.ts'
import type { Operable, QueueFacts } from './operable-queue.ts'

/** The requests on queues that the data route answers. */
export type QueueRequest =
  | { op: 'queue.list' }
  | { op: 'queue.peek'; queue: string; limit: number; full?: boolean }
  | { op: 'queue.replay'; queue: string; limit: number; ids?: readonly string[] }
  | { op: 'queue.purge'; queue: string }

/** One queue, as the operation `queue.list` of the data route answers it. */
export interface ListedQueue extends QueueFacts {
  name: string
  deadLetterQueue?: string
}

/** The answer of the operation `queue.replay` of the data route. */
export interface Replayed {
  /** The dead-letter queue that had the messages. */
  from: string
  /** Ids of the messages that were moved. */
  moved: string[]
}

type Env = Readonly<Record<string, unknown>>

/**
 * Answers a request on queues.
 *
 * @throws `NotFound` naming the app's queues; `Unsupported` if the queue's driver lacks the operation;
 * `InvalidArgument` for a limit out of range, and for a queue without dead-letter queue.
 */
export async function answerQueue(app: App, request: QueueRequest, env: Env): Promise<unknown> {
  if (request.op === 'queue.list')
    return Promise.all(queuesOf(app).map(([name, queue]) => listQueue(name, queue, env)))
  const { name, queue } = find(app, request.queue)
  const operable = operableOf(env, name)
  switch (request.op) {
    case 'queue.peek':
      return operable.operate({ op: 'peek', limit: request.limit, full: request.full === true })
    case 'queue.replay': {
      const { limit, ids } = request
      const from = deadLetters(app, name, queue, ids !== undefined)
      return { from, moved: await operable.operate({ op: 'replay', limit, ids }) }
    }
    case 'queue.purge':
      return operable.operate({ op: 'purge' })
  }
}

function queuesOf(app: App): [string, QueueDeclaration][] {
  return Object.entries(app.bindings).filter(
    (entry): entry is [string, QueueDeclaration] => entry[1].kind === 'queue',
  )
}

async function listQueue(name: string, queue: QueueDeclaration, env: Env): Promise<ListedQueue> {
  const { deadLetterQueue } = queue
  const facts = (await operableOf(env, name).operate({ op: 'depth' })) as QueueFacts
  return { name, ...facts, ...(deadLetterQueue === undefined ? {} : { deadLetterQueue }) }
}

function operableOf(env: Env, name: string): Operable {
  return env[name] as Operable
}

function find(app: App, name: string): { name: string; queue: QueueDeclaration } {
  const all = queuesOf(app)
  const found = all.find(([known]) => known === name)
  if (found !== undefined) return { name, queue: found[1] }
  const known = all.map(([queue]) => queue).join(', ')
  throw new UnmoorError(
    'NotFound',
    `This app has no queue ${JSON.stringify(name)}. It has: ${known || 'none'}.`,
    { operation: 'queue' },
  )
}

/** Returns the dead-letter queue of a queue, from which its messages are replayed. */
function deadLetters(app: App, name: string, queue: QueueDeclaration, hasIds: boolean): string {
  const where = { operation: 'queue' }
  const sources = (of: string): string[] =>
    queuesOf(app).flatMap(([source, { deadLetterQueue }]) => (deadLetterQueue === of ? [source] : []))
  const { deadLetterQueue } = queue
  if (deadLetterQueue === undefined) {
    const from = sources(name)
    throw invalidArgument(
      where,
      `Queue "${name}" has no dead-letter queue to replay from. ` +
        (from.length === 0
          ? 'Declare one with deadLetterQueue.'
          : `It is the dead-letter queue of ${from.join(' and ')}: name the queue to which its messages ` +
            'return.'),
    )
  }
  const sharing = sources(deadLetterQueue)
  if (sharing.length > 1 && !hasIds)
    throw invalidArgument(
      where,
      `"${deadLetterQueue}" is the dead-letter queue of ${sharing.join(' and ')}, and a message does not ` +
        `tell which of them it came from. Name the messages of "${name}" by id.`,
    )
  return deadLetterQueue
}
