import { type Command, InvalidArgumentError } from 'commander'
import { isUnmoorError } from '../../../errors.ts'
import type { ListedQueue, QueueRequest, Replayed } from '../../../runtime/data-route-queues.ts'
import { MAX_MESSAGES, type ShownMessage } from '../../../runtime/operable-queue.ts'
import type { RouteClient } from '../../data/route-client.ts'
import { addRouteOptions, openRoute, type RouteOptions } from '../deployment-route.ts'
import { usageError } from '../exit.ts'
import { createReporter } from '../reporter.ts'

interface PeekOptions extends RouteOptions {
  limit: number
  full?: true
}

interface ReplayOptions extends RouteOptions {
  limit?: number
  id?: string[]
}

interface PurgeOptions extends RouteOptions {
  yes?: true
}

/** Registers the command `unmoor queue`. */
export function register(program: Command): void {
  const queue = program
    .command('queue')
    .description('look into the queues of a deployment, replay dead letters, and purge')
  addRouteOptions(
    queue.command('list').description('queues, drivers, numbers of messages and dead-letter queues'),
  ).action((given: RouteOptions) => listQueues(given))
  addRouteOptions(queue.command('peek <queue>').description('show messages without receiving them'))
    .option('--limit <number>', `at most so many messages, up to ${MAX_MESSAGES}`, parsePeekLimit, 10)
    .option('--full', 'whole bodies (default: the first 1,024 bytes of each)')
    .action((name: string, given: PeekOptions) => peek(name, given))
  addRouteOptions(
    queue.command('replay <queue>').description('move dead letters back to the queue they came from'),
  )
    .option('--id <id...>', 'of the messages to move (default: all)')
    .option('--limit <number>', 'at most so many messages, the oldest first', parseLimit)
    .action((name: string, given: ReplayOptions) => replay(name, given))
  addRouteOptions(
    queue.command('purge <queue>').description('remove all messages that no consumer holds, for good'),
  )
    .option('--yes', 'needed, since nothing brings the messages back')
    .action((name: string, given: PurgeOptions) => purge(name, given))
}

async function listQueues(given: RouteOptions): Promise<void> {
  const report = createReporter(given.reporter)
  const queues = (await openRoute(given).call({ op: 'queue.list' })) as ListedQueue[]
  if (queues.length === 0) report.print('This app has no queues.')
  const width = (of: (queue: ListedQueue) => string): number =>
    Math.max(...queues.map((queue) => of(queue).length))
  for (const queue of queues) {
    const { name, deadLetterQueue } = queue
    const dead = queues.find((other) => other.name === deadLetterQueue)
    report.print(
      `${name.padEnd(width((other) => other.name))}  ` +
        `${queue.driver.padEnd(width(({ driver }) => driver))}  ` +
        `${counts(queue).padEnd(width(counts))}  ` +
        (dead === undefined ? 'no dead-letter queue' : `dead letters: ${dead.name} (${counts(dead)})`),
    )
  }
  for (const { lacking } of queues) if (lacking !== undefined) report.warn(lacking)
  for (const { name, error } of queues)
    if (error !== undefined) {
      process.stderr.write(`error: Queue "${name}" did not count its messages: ${error}\n`)
      process.exitCode = 1
    }
  report.result({ queues: queues.map((queue) => ({ ...queue, depth: queue.depth ?? null })) })
}

function counts({ depth, age }: ListedQueue): string {
  if (depth === undefined) return 'unknown'
  const since = age === undefined ? '' : ` since ${duration(age)}`
  return `${depth.ready} ready${since}, ${depth.delayed} delayed, ${depth.leased} in flight`
}

/** Formats seconds for people, in the largest unit of which there are two. */
function duration(seconds: number): string {
  const [size, unit] =
    [[86_400, 'd'] as const, [3600, 'h'] as const, [60, 'min'] as const].find(
      ([length]) => seconds >= 2 * length,
    ) ?? ([1, 's'] as const)
  return `${Math.floor(seconds / size)} ${unit}`
}

async function peek(name: string, given: PeekOptions): Promise<void> {
  const report = createReporter(given.reporter)
  const { limit, full = false } = given
  const request = { op: 'queue.peek' as const, queue: name, limit, full }
  const messages = (await ask(openRoute(given), request)) as ShownMessage[]
  if (messages.length === 0) report.print(`${name}: no messages`)
  for (const message of messages) {
    const { id, state, attempts, timestamp, size, cut } = message
    const { encoding, text } = encode(message)
    report.print(
      `${plain(id)}  ${state === 'leased' ? 'in flight' : state}  attempts ${attempts ?? 'unknown'}  ` +
        `sent ${new Date(timestamp).toISOString()}  ${size} bytes` +
        (encoding === 'base64' ? ' in base64' : ''),
    )
    report.print(`  ${plain(text)}${cut ? ` ... (cut: --full shows all ${size} bytes)` : ''}`)
  }
  report.result({
    queue: name,
    messages: messages.map((message) => {
      const { id, state, attempts = null, timestamp, size, cut } = message
      const { encoding, text } = encode(message)
      const body = encoding === 'json' && !cut ? parse(text) : text
      return { id, state, attempts, sent: new Date(timestamp).toISOString(), size, encoding, cut, body }
    }),
  })
}

/** Returns a body as text: its JSON, or base64 of bytes. */
function encode({ body }: ShownMessage): { encoding: 'json' | 'base64'; text: string } {
  return typeof body === 'string'
    ? { encoding: 'json', text: body }
    : { encoding: 'base64', text: Buffer.from(body).toString('base64') }
}

/** Parses the JSON of a body. What another program has stored may be none, and is shown as its text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Escapes control characters of a sender's text, which could otherwise direct the reader's terminal. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

async function replay(name: string, given: ReplayOptions): Promise<void> {
  const report = createReporter(given.reporter)
  const route = openRoute(given)
  const ids = given.id === undefined ? undefined : [...new Set(given.id)]
  if (ids !== undefined && given.limit !== undefined)
    throw usageError('--id names the messages to replay, so it takes no --limit beside it.')
  const moved: string[] = []
  let from = ''
  const move = async (limit: number, some?: readonly string[]): Promise<number> => {
    const named = some === undefined ? {} : { ids: some }
    const part = (await ask(route, { op: 'queue.replay', queue: name, limit, ...named })) as Replayed
    from = part.from
    moved.push(...part.moved)
    return part.moved.length
  }
  try {
    await report.step(`Replaying the dead letters of ${name}`, () =>
      ids === undefined ? moveOldest(route, name, given, move) : moveNamed(ids, move),
    )
  } catch (error) {
    if (moved.length > 0)
      process.stderr.write(`${name}: ${deadLetters(moved.length)} of ${from} replayed before the failure\n`)
    throw error
  }
  report.print(`${name}: ${deadLetters(moved.length)} of ${from} replayed`)
  const missing = ids?.filter((id) => !moved.includes(id)) ?? []
  if (missing.length > 0) {
    process.stderr.write(
      `error: Not replayed: ${missing.join(', ')}. ${from} has no such message, or a consumer holds it.\n`,
    )
    process.exitCode = 1
  }
  report.result({ queue: name, from, moved, missing })
}

type Move = (limit: number, ids?: readonly string[]) => Promise<number>

async function moveNamed(ids: readonly string[], move: Move): Promise<void> {
  for (let at = 0; at < ids.length; at += MAX_MESSAGES) {
    const some = ids.slice(at, at + MAX_MESSAGES)
    await move(some.length, some)
  }
}

/**
 * Moves the oldest dead letters: as many as there are now, so that one which dies again meanwhile is not
 * moved for ever.
 */
async function moveOldest(route: RouteClient, name: string, given: ReplayOptions, move: Move): Promise<void> {
  const queues = (await route.call({ op: 'queue.list' })) as ListedQueue[]
  const dead = queues.find((queue) => queue.name === name)?.deadLetterQueue
  const depth = queues.find((queue) => queue.name === dead)?.depth
  let left = Math.min(given.limit ?? Infinity, depth === undefined ? Infinity : depth.ready + depth.delayed)
  do {
    // A call also if there is nothing to move: its error tells what is wrong with the queue.
    const limit = Math.max(1, Math.min(left, MAX_MESSAGES))
    const count = await move(limit)
    left -= limit
    if (count < limit) return
  } while (left > 0)
}

function deadLetters(count: number): string {
  return `${count} dead ${count === 1 ? 'letter' : 'letters'}`
}

async function purge(name: string, given: PurgeOptions): Promise<void> {
  const report = createReporter(given.reporter)
  if (given.yes !== true)
    throw usageError(
      `purge removes the messages of "${name}" for good. To look at them first: unmoor queue peek ${name}. ` +
        'To remove them, add --yes.',
    )
  const route = openRoute(given)
  const removed = await report.step(`Purging ${name}`, () => ask(route, { op: 'queue.purge', queue: name }))
  report.print(`${name}: ${String(removed)} ${removed === 1 ? 'message' : 'messages'} removed`)
  report.result({ queue: name, removed })
}

/** Asks the data route. An unknown queue and a refused argument are wrong use of the command. */
function ask(route: RouteClient, request: QueueRequest): Promise<unknown> {
  return route.call(request).catch((error: unknown) => {
    const isWrongUse = isUnmoorError(error, 'NotFound') || isUnmoorError(error, 'InvalidArgument')
    if (isWrongUse && error.operation === 'queue') throw usageError(error.message)
    throw error
  })
}

function parseLimit(text: string): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= 1) return Number(text)
  throw new InvalidArgumentError('A limit is a whole number of messages, at least 1.')
}

function parsePeekLimit(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_MESSAGES) return Number(text)
  throw new InvalidArgumentError(`A limit of peek is a whole number from 1 to ${MAX_MESSAGES}.`)
}
