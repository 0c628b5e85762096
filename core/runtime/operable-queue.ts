/**
 * Queues of builds with the data route: the portable class with one more method, by which the route reaches
 * the queue's driver. On the target `isolate` the call crosses to the process that has the drivers, as every
 * call of a binding does; every argument is data that a tenant may have made up.
 */
import { utf8, utf8Length, utf8Text } from '../bindings/bytes.ts'
import type { QueueDeclaration } from '../bindings/declarations.ts'
import type { QueueDriver, QueuePeeked } from '../bindings/drivers.ts'
import { annotate, run } from '../bindings/operation.ts'
import { type Portable, portableQueue as plainQueue, type TargetParts } from '../bindings/portable.ts'
import { Queue } from '../bindings/queue.ts'
import { invalidArgument, UnmoorError } from '../errors.ts'
import { LACKING, QUEUE_OPERATIONS, type QueueOperation } from './queue-operations.ts'
import type { BoundDriver } from './runtime.ts'

/** Maximum messages of one request to peek or replay. */
export const MAX_MESSAGES = 100
/** Bytes of each body that peek shows unless it is asked for whole ones. */
export const SHOWN_BYTES = 1024
/** Maximum bytes of all bodies of one peek together: platforms limit answers, Lambda to 6 MB. */
const MAX_BYTES = 2_000_000

/** What the data route asks of a queue. */
export type OperateRequest =
  | { op: 'depth' }
  | { op: 'peek'; limit: number; full?: boolean | undefined }
  | { op: 'replay'; limit: number; ids?: readonly string[] | undefined }
  | { op: 'purge' }

/** The driver and message counts of a queue. */
export interface QueueFacts {
  driver: string
  depth?: { ready: number; delayed: number; leased: number }
  /** Seconds for which the message that has waited longest could have been delivered. */
  age?: number
  /** What the driver lacks, and what to do instead. */
  lacking?: string
  /** Why the queue's backend did not count its messages. */
  error?: string
}

/** A message as peek shows it. */
export interface ShownMessage extends QueuePeeked {
  /** Size of the whole body in bytes. */
  size: number
  /** True if `body` is only the begin of the body. */
  cut: boolean
}

/** The method of a queue in builds with the data route that its portable class does not have. */
export interface Operable {
  /** @throws `Unsupported`, with what to do instead, if the driver lacks the operation. */
  operate(request: OperateRequest): Promise<unknown>
}

class OperableQueue extends Queue implements Operable {
  #driver: QueueDriver
  #name: string
  #binding: string

  constructor(
    driver: QueueDriver,
    options: { binding: string; maxDelay?: number | undefined; driverName: string },
  ) {
    super(driver, options)
    this.#driver = driver
    this.#binding = options.binding
    this.#name = options.driverName
  }

  async operate(request: OperateRequest): Promise<unknown> {
    const where = { binding: this.#binding, operation: 'queue' }
    const driver = this.#driver
    switch (request.op) {
      case 'depth': {
        const facts: QueueFacts = { driver: this.#name }
        if (driver.depth === undefined) return { ...facts, lacking: this.#lacking('depth') }
        try {
          const [depth, age] = await Promise.all([driver.depth(), driver.age?.()])
          return { ...facts, depth, ...(age === undefined ? {} : { age }) }
        } catch (error) {
          // A backend that is away must not hide the queue, nor the others of a list.
          return { ...facts, error: annotate(error, where).message }
        }
      }
      case 'peek': {
        const limit = checkLimit(request.limit)
        const messages = await run(where, () =>
          driver.peek === undefined ? this.#refuse('peek') : driver.peek({ limit }),
        )
        return shown(messages, request.full === true)
      }
      case 'replay': {
        const limit = checkLimit(request.limit)
        const ids = checkIds(request.ids)
        return run(where, () =>
          driver.replay === undefined ? this.#refuse('replay') : driver.replay({ limit, ids }),
        )
      }
      case 'purge':
        return run(where, () => (driver.purge === undefined ? this.#refuse('purge') : driver.purge()))
    }
    throw invalidArgument(where, 'A queue has no such operation.')
  }

  #lacking(operation: QueueOperation): string {
    const known = Object.hasOwn(QUEUE_OPERATIONS, this.#name) ? QUEUE_OPERATIONS[this.#name] : undefined
    const stated = known?.[operation]
    const instead = typeof stated === 'string' ? stated : 'Use the tools of its backend.'
    return `Queue "${this.#binding}": its driver "${this.#name}" ${LACKING[operation]}. ${instead}`
  }

  #refuse(operation: QueueOperation): never {
    throw new UnmoorError('Unsupported', this.#lacking(operation), {
      binding: this.#binding,
      operation: `queue.${operation}`,
    })
  }
}

/** Creates the queues of builds with the data route, in place of the portable class alone. */
export const portableQueue: Portable<'queue'> = {
  ...plainQueue,
  create: (driver, { binding, declaration }, target) =>
    new OperableQueue(driver, {
      binding,
      maxDelay: (declaration as QueueDeclaration).maxDelay,
      driverName: driverName(binding, target),
    }),
}

function driverName(binding: string, target: TargetParts | undefined): string {
  // The options of a runtime are what its bindings are created with.
  const { drivers } = (target ?? {}) as { drivers?: Readonly<Record<string, BoundDriver>> }
  return String(drivers?.[binding]?.options['driver'])
}

function checkLimit(limit: unknown): number {
  if (Number.isInteger(limit) && (limit as number) >= 1 && (limit as number) <= MAX_MESSAGES)
    return limit as number
  throw invalidArgument(
    { operation: 'queue' },
    `The limit of messages is a whole number from 1 to ${MAX_MESSAGES}, not ${JSON.stringify(limit)}.`,
  )
}

function checkIds(ids: unknown): string[] | undefined {
  if (ids === undefined) return undefined
  if (Array.isArray(ids) && ids.length <= MAX_MESSAGES && ids.every((id) => typeof id === 'string'))
    return ids
  throw invalidArgument({ operation: 'queue' }, `Name at most ${MAX_MESSAGES} ids of messages.`)
}

function shown(messages: readonly QueuePeeked[], isFull: boolean): ShownMessage[] {
  const sized = messages.map((message) => ({ message, size: sizeOf(message.body) }))
  const total = sized.reduce((sum, { size }) => sum + size, 0)
  if (isFull && total > MAX_BYTES)
    throw new UnmoorError(
      'LimitExceeded',
      `The bodies of these ${sized.length} messages have ${total} bytes, over the ${MAX_BYTES} of one ` +
        'answer. Ask for fewer messages, with a lower limit.',
      { operation: 'queue' },
    )
  return sized.map(({ message, size }) => {
    const cut = !isFull && size > SHOWN_BYTES
    return { ...message, body: cut ? begin(message.body) : message.body, size, cut }
  })
}

function sizeOf(body: QueuePeeked['body']): number {
  return typeof body === 'string' ? utf8Length(body) : body.byteLength
}

/** Returns the first bytes of a body; a text ends with a whole character. */
function begin(body: QueuePeeked['body']): QueuePeeked['body'] {
  if (typeof body !== 'string') return body.slice(0, SHOWN_BYTES)
  const bytes = utf8(body)
  let end = SHOWN_BYTES
  // The bytes of a character after its first begin with the bits 10.
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return utf8Text(bytes.subarray(0, end))
}
