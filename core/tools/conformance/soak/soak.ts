/**
 * The queue soak: processes that produce and consume messages are killed at random, and every message must
 * arrive. Runs on Node.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../../adapter.ts'
import { queue } from '../../../bindings/declarations.ts'
import { UnmoorError } from '../../../errors.ts'
import { sleep } from '../assert.ts'
import type { Backend } from '../backends/backend.ts'
import { startBackend } from '../backends/index.ts'
import { driverContext } from '../drivers/harness.ts'
import { loadDriver } from '../drivers/modules.ts'
import { Worker } from './processes.ts'
import { LEASE_SECONDS, QUEUE, type Task } from './task.ts'

/** Options of {@link runSoak}. */
export interface SoakOptions {
  /**
   * Queue driver under test: a built-in driver's name, the path of a driver's module from the working folder,
   * or an installed package.
   */
  driver: string
  /**
   * Options of the queue driver under test. Default: for built-in drivers, the address of the server that the
   * run starts; none for others.
   */
  options?: Readonly<Record<string, unknown>>
  /** Number of messages that the queue soak sends. Default: 10,000. */
  messages?: number
  /** Number of consumer processes in the queue soak. Default: 4. */
  consumers?: number
  /**
   * Seconds without a new message after which the queue soak counts the missing ones as lost. Default: 60.
   */
  patience?: number
  /** Log of the queue soak's progress. Default: none. */
  log?: Log
}

/** Result of the queue soak. */
export interface SoakReport {
  driver: string
  /** Number of messages whose send the queue acknowledged. */
  sent: number
  /** Number of messages that the queue acknowledged and a consumer handled at least once. */
  received: number
  lost: number
  /**
   * Number of duplicate deliveries in the queue soak: all deliveries except the first one of each message.
   */
  duplicates: number
  /** Number of SIGKILLs of the soak's consumers and producer. */
  kills: number
  /** Number of restarts of the queue's server, if the run started a server of its own. */
  restarts: number
  seconds: number
}

const SILENT: Log = { info() {}, warn() {} }

/**
 * Runs the queue soak of a driver.
 *
 * @throws `Unavailable` if the backend is missing, saying how to start it; `InvalidArgument` for a driver
 * without queues.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { factories, name, builtIn, specifier } = await loadDriver(options.driver)
  const fail = (message: string): UnmoorError =>
    new UnmoorError('InvalidArgument', message, { operation: 'config' })
  if (factories.queue === undefined) throw fail(`The driver "${name}" serves no queue.`)
  if (name === 'memory')
    throw fail('The driver "memory" keeps its queue in one process: there is nothing to soak.')
  const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-soak-'))
  const backend = await startBackend(builtIn ? name : '', options.log ?? SILENT, options.options).catch(
    (error: unknown) => {
      throw new UnmoorError('Unavailable', error instanceof Error ? error.message : String(error), {
        operation: 'soak',
        retryable: false,
        cause: error,
      })
    },
  )
  try {
    const context = driverContext({
      binding: QUEUE.binding,
      app: QUEUE.app,
      declaration: queue(QUEUE.options),
    })
    const own = { ...(await backend.space?.('queue')), ...(await backend.optionsOf?.(context)) }
    const task = {
      driver: specifier,
      options: { ...backend.options, ...own },
      variables: backend.variables,
      dataDir,
      messages: options.messages ?? 10_000,
    }
    return { driver: name, ...(await soak(task, backend, options)) }
  } finally {
    await backend.stop()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function soak(
  task: Omit<Task, 'role' | 'journal'>,
  backend: Backend,
  options: SoakOptions,
): Promise<Omit<SoakReport, 'driver'>> {
  const started = performance.now()
  const journals = { sent: join(task.dataDir, 'sent'), received: join(task.dataDir, 'received') }
  await writeFile(journals.sent, '0\n')
  const producer = new Worker({ ...task, role: 'produce', journal: journals.sent })
  const consumers = Array.from(
    { length: options.consumers ?? 4 },
    () => new Worker({ ...task, role: 'consume', journal: journals.received }),
  )
  const received = new Received(journals.received)
  let kills = 0
  let restarts = 0
  try {
    const failed = Promise.race(
      [producer, ...consumers].map(({ done }) => done.then(() => new Promise<never>(() => {}))),
    )
    // The promise `failed` rejects when a soak process fails for good. A rejection outside of the loop that
    // awaits it is ignored.
    failed.catch(() => undefined)
    // The process to kill is chosen at random, so that kills come at any point of a process's life.
    while (!(producer.finished && received.distinct >= task.messages)) {
      await Promise.race([sleep(100 + Math.random() * 300), failed])
      received.read()
      const left = task.messages - received.distinct
      if (received.idleSeconds > (options.patience ?? 60)) break
      // Near the end no process is killed any more: messages that killed consumers held return when their
      // leases run out.
      if (producer.finished && left < task.messages / 100) continue
      const victim = Math.random() < 0.2 ? producer : consumers[Math.floor(Math.random() * consumers.length)]
      if (victim?.kill() === true) kills++
      // The queue's server is restarted at a quarter, half and three quarters of the messages.
      if (
        backend.restart !== undefined &&
        received.distinct > (task.messages * (restarts + 1)) / 4 &&
        restarts < 3
      ) {
        await backend.restart()
        restarts++
      }
      if (kills % 20 === 0)
        options.log?.info(`${received.distinct} of ${task.messages} messages, ${kills} kills`)
    }
    // At its end, the queue soak waits for late duplicates: messages whose consumer was killed after handling
    // and before acknowledging them.
    await sleep((LEASE_SECONDS + 2) * 1000)
  } finally {
    await Promise.all([...consumers, ...(producer.finished ? [] : [producer])].map((worker) => worker.stop()))
  }
  received.read()
  const sent = Number(readFileSync(journals.sent, 'utf8').trimEnd().split('\n').at(-1))
  const arrived = received.countBelow(sent)
  const seconds = Math.round((performance.now() - started) / 100) / 10
  return {
    sent,
    received: arrived,
    lost: sent - arrived,
    duplicates: received.all - received.distinct,
    kills,
    restarts,
    seconds,
  }
}

/** Reads the journal of the soak's consumers as it grows. */
class Received {
  #file: string
  #at = 0
  #numbers = new Set<number>()
  #last = performance.now()
  all = 0

  constructor(file: string) {
    this.#file = file
  }

  get distinct(): number {
    return this.#numbers.size
  }

  get idleSeconds(): number {
    return (performance.now() - this.#last) / 1000
  }

  countBelow(end: number): number {
    return [...this.#numbers].filter((number) => number < end).length
  }

  read(): void {
    if (!existsSync(this.#file)) return
    const text = readFileSync(this.#file, 'latin1')
    const lines = text.slice(this.#at).split('\n').slice(0, -1)
    this.#at = text.length
    this.all += lines.length
    const before = this.#numbers.size
    for (const line of lines) this.#numbers.add(Number(line))
    if (this.#numbers.size > before) this.#last = performance.now()
  }
}
