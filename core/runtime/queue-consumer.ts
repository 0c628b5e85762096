import type { QueueDeclaration } from '../bindings/declarations.ts'
import type { QueueDriver, QueueIncoming, QueueSettlement } from '../bindings/drivers.ts'
import { type ContextOptions, createContext, type OwnedContext } from '../context.ts'
import { UnmoorError } from '../errors.ts'
import type { Runtime } from './runtime.ts'

/** One queue that this process consumes. */
export interface ConsumedQueue {
  binding: string
  declaration: QueueDeclaration
  driver: QueueDriver
}

/** Options of {@link consumeQueues}. */
export interface ConsumerOptions {
  /** Calls the queue's handler and returns the settlements. It must not reject if the handler throws. */
  handle(
    binding: string,
    messages: readonly QueueIncoming[],
    ctx: OwnedContext,
  ): Promise<{ settlements: QueueSettlement[] }>
  /**
   * Lease of a batch of queue messages in seconds. While the handler runs, the lease is renewed after each
   * third of that time. Default: 30.
   */
  leaseSeconds?: number
  /** Options of the `ctx` that the handler of a queue's batch receives. Default: none. */
  context?: ContextOptions | undefined
  /** Called with failures of a queue's backend and with dropped messages. Default: console.error. */
  onError?: (message: string, error?: unknown) => void
}

/** The running queue consumers of a process. */
export interface Consumers {
  /** Takes no more queue messages, and resolves when the batches that are being handled are settled. */
  stop(): Promise<void>
}

/** Returns the queues that an app handles, with their drivers. */
export function consumedQueues(runtime: Runtime): ConsumedQueue[] {
  return Object.keys(runtime.app.queues).map((binding) => ({
    binding,
    declaration: runtime.app.bindings[binding] as QueueDeclaration,
    driver: runtime.queueDriver(binding),
  }))
}

/**
 * Polls each queue with as many workers as its `maxConcurrency` and passes batches to `handle`: for targets
 * whose platform delivers no batches. If the backend fails, it tries again with growing pauses; no message is
 * lost, since leases run out.
 */
export function consumeQueues(queues: readonly ConsumedQueue[], options: ConsumerOptions): Consumers {
  const stopping = new AbortController()
  const workers: Promise<void>[] = []
  for (const queue of queues) {
    if (queue.driver.receive === undefined || queue.driver.settle === undefined) {
      throw new UnmoorError(
        'Unsupported',
        `Queue "${queue.binding}": its driver only sends. Pick one that can receive, such as sqlite.`,
        {
          binding: queue.binding,
        },
      )
    }
    for (let worker = 0; worker < queue.declaration.maxConcurrency; worker++)
      workers.push(work(queue, options, stopping.signal))
  }
  return {
    async stop() {
      stopping.abort()
      await Promise.all(workers)
    },
  }
}

async function work(queue: ConsumedQueue, options: ConsumerOptions, signal: AbortSignal): Promise<void> {
  const onError = options.onError ?? ((message, error) => console.error(message, error ?? ''))
  const leaseSeconds = options.leaseSeconds ?? 30
  let failures = 0
  while (!signal.aborted) {
    try {
      const messages = await fill(queue, leaseSeconds, signal)
      failures = 0
      if (messages.length > 0) await handleBatch(queue, messages, leaseSeconds, options, onError)
    } catch (error) {
      if (signal.aborted) return
      if (failures === 0) onError(`queue ${queue.binding}: the backend failed, trying again:`, error)
      failures++
      // A random pause (full jitter), so that many queue consumers do not retry a failed backend at once.
      await pause(Math.random() * Math.min(5000, 100 * 2 ** failures), signal)
    }
  }
}

/**
 * Receives a batch of queue messages: those that are there, or with `batchWait` those that arrive until the
 * batch is full or the time is over.
 */
async function fill(
  { declaration, driver }: ConsumedQueue,
  leaseSeconds: number,
  signal: AbortSignal,
): Promise<QueueIncoming[]> {
  const receive = driver.receive?.bind(driver) as NonNullable<QueueDriver['receive']>
  const messages = await receive({
    max: declaration.batchSize,
    leaseSeconds: leaseSeconds + declaration.batchWait,
    waitSeconds: 20,
    signal,
  })
  const until = Date.now() + declaration.batchWait * 1000
  while (messages.length > 0 && messages.length < declaration.batchSize && !signal.aborted) {
    const left = until - Date.now()
    if (left <= 0) break
    // If waiting for more queue messages fails, those already leased must still reach the handler before
    // their leases run out.
    const more = await receive({
      max: declaration.batchSize - messages.length,
      leaseSeconds: leaseSeconds + declaration.batchWait,
      waitSeconds: left / 1000,
      signal,
    }).catch(() => [])
    if (more.length === 0) break
    messages.push(...more)
  }
  return messages
}

async function handleBatch(
  queue: ConsumedQueue,
  messages: readonly QueueIncoming[],
  leaseSeconds: number,
  options: ConsumerOptions,
  onError: (message: string, error?: unknown) => void,
): Promise<void> {
  const { binding, driver } = queue
  const leases = messages.map(({ lease }) => lease)
  let renewing: Promise<void> | undefined
  const renewal = setInterval(
    () => {
      renewing = driver
        .extend?.(leases, leaseSeconds)
        .catch((error: unknown) => onError(`queue ${binding}: a lease could not be renewed:`, error))
    },
    (leaseSeconds * 1000) / 3,
  )
  const ctx = createContext(options.context)
  try {
    const { settlements } = await options.handle(binding, messages, ctx)
    // Renewals of leases stop before messages are settled: on backends where a lease and a retry's delay are
    // the same field (SQS, NATS), a renewal that arrived after the retry would replace the delay.
    clearInterval(renewal)
    if (renewing !== undefined) await Promise.race([renewing, pause((leaseSeconds * 1000) / 3)])
    const { dropped } = await settle(driver, settlements)
    for (const id of dropped)
      onError(
        `queue ${binding}: message ${id} used up its retries and was dropped. Declare a deadLetterQueue ` +
          'to keep such messages.',
      )
  } finally {
    clearInterval(renewal)
    await ctx.settled()
  }
}

async function settle(
  driver: QueueDriver,
  settlements: readonly QueueSettlement[],
): Promise<{ dropped: string[] }> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await (driver.settle as NonNullable<QueueDriver['settle']>).call(driver, settlements)
    } catch (error) {
      // Settling a queue message twice is harmless, while not settling it means a needless second delivery.
      if (attempt === 3 || !(error instanceof UnmoorError && error.retryable)) throw error
      await pause(50 * attempt)
    }
  }
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal?.addEventListener('abort', done, { once: true })
  })
}
