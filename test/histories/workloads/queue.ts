import { setTimeout as sleep } from 'node:timers/promises'
import { createHash } from 'node:crypto'
import { queue as declareQueue } from '../../../core/bindings/declarations.ts'
import type {
  QueueDriver,
  QueueIncoming,
  QueueOutgoing,
  QueueSettlement,
} from '../../../core/bindings/drivers.ts'
import { checkQueue } from '../checkers/queue.ts'
import type { QueueCall, QueueOperation } from '../checkers/queue-record.ts'
import { percentOf } from '../draw.ts'
import { CLOCK_ERROR, drawClients, runClients, type Worker, type Workload } from './workload.ts'

/** A send of messages, each with its delay in seconds and its size in bytes. */
interface QueueStep {
  readonly do: 'send'
  readonly key: 'queue'
  readonly messages: readonly (readonly [delaySeconds: number, bytes: number])[]
}

const MAX_RETRIES = 2
const LEASE_SECONDS = 1
const BATCH = 6
/** Seconds of a drain without a delivery, with messages left, after which it is given up. */
const PATIENCE = 60

/**
 * Producers, and in each process consumers of the queue and of its dead letters. What a consumer does with a
 * delivery is decided by the seed, the message and the number of the delivery.
 */
export const queue: Workload = {
  plan: (draw, processes) =>
    drawClients(processes, Math.ceil(4 / processes), 16, () => ({
      do: 'send',
      key: 'queue',
      messages: Array.from(
        { length: 1 + draw.int(3) },
        () => [draw.percent(15) ? 1 : 0, 1 + draw.int(draw.percent(10) ? 60_000 : 300)] as const,
      ),
    })),

  async start(worker) {
    const settings = { maxRetries: MAX_RETRIES, deadLetterQueue: 'dead' }
    const driver = (await worker.open('queue', declareQueue(settings), 'jobs')) as QueueDriver
    const dead = (await worker.open('queue', declareQueue({ maxRetries: 100 }), 'dead')) as QueueDriver
    let deliveries = 0
    const onDelivery = (count: number): void => void (deliveries += count)
    // A consumer that throws ends its process, which the run reports.
    for (const consumed of [
      { worker, driver, from: 'queue', onDelivery },
      { worker, driver, from: 'queue', onDelivery },
      { worker, driver: dead, from: 'dead', onDelivery },
    ] as const)
      void consume(consumed)
    const producers = runClients<QueueStep>(worker, async ({ messages }, at) => {
      const outgoing = messages.map(([delaySeconds, bytes], index) =>
        message(`${at.join('.')}.${index}`, delaySeconds, bytes),
      )
      await record(
        worker,
        {
          do: 'send',
          messages: outgoing.map(({ id, body, delaySeconds }) => ({ id, hash: hashOf(body), delaySeconds })),
        },
        () => driver.send(outgoing),
        at,
      )
      // Producers leave consumers time, so that faults come while messages are held.
      await sleep(10)
    })
    return {
      done: producers,
      finish: () => drained([driver, dead], () => deliveries),
    }
  },

  judge: (operations) =>
    checkQueue(operations as readonly QueueOperation[], {
      maxRetries: MAX_RETRIES,
      clockError: CLOCK_ERROR,
    }),
}

function message(id: string, delaySeconds: number, bytes: number): QueueOutgoing {
  const isText = percentOf(id, bytes) < 50
  const text = `${id} `.repeat(Math.ceil(bytes / (id.length + 1)))
  return isText
    ? { id, contentType: 'json', body: JSON.stringify(text), delaySeconds }
    : { id, contentType: 'bytes', body: new TextEncoder().encode(text), delaySeconds }
}

function hashOf(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 16)
}

function record<Value>(
  { recorder }: Worker,
  call: QueueCall,
  work: () => Promise<Value>,
  at?: readonly [client: number, step: number],
): Promise<Value | undefined> {
  const show = (value: Value): object =>
    call.do === 'receive' ? { deliveries: (value as QueueIncoming[]).map(shown) } : {}
  return recorder.call(call, false, work, show, at)
}

const shown = ({ id, body, attempts, lease }: QueueIncoming): object => ({
  id,
  hash: hashOf(body),
  attempts,
  lease,
})

/** What consumers share. */
interface Consumed {
  readonly worker: Worker
  readonly driver: QueueDriver
  readonly from: 'queue' | 'dead'
  readonly onDelivery: (count: number) => void
}

async function consume(consumed: Consumed): Promise<void> {
  const { worker, driver, from, onDelivery } = consumed
  const { signal } = worker
  const late = new Set<Promise<void>>()
  while (!signal.aborted) {
    const batch = await record(
      worker,
      { do: 'receive', from, leaseSeconds: LEASE_SECONDS },
      async () =>
        (await driver.receive?.({ max: BATCH, leaseSeconds: LEASE_SECONDS, waitSeconds: 1, signal })) ?? [],
    )
    // After an error the backend may be away for a while.
    if (batch === undefined) await sleep(50)
    if (batch === undefined || batch.length === 0) continue
    onDelivery(batch.length)
    for (const { id } of batch) seen.set(id, (seen.get(id) ?? 0) + 1)
    const prompt = batch.filter((one) => !isSlow(worker, from, one))
    await settle(consumed, prompt)
    for (const one of batch) {
      if (prompt.includes(one)) continue
      const work = slow(consumed, one).finally(() => late.delete(work))
      late.add(work)
    }
  }
  await Promise.all(late)
}

/** Deliveries that this process has seen, by message. */
const seen = new Map<string, number>()

/** Percent of deliveries that end otherwise than by an acknowledgement; the rest are acknowledged at once. */
const FATES = { retry: 15, delayedRetry: 20, crash: 25, late: 31, renew: 37, poison: 12 }

function fateOf({ plan }: Worker, from: 'queue' | 'dead', { id, attempts }: QueueIncoming): string {
  if (from === 'dead') return 'ack'
  // A message that was delivered too often is acknowledged, so that a history ends also where none dies.
  if (attempts > MAX_RETRIES + 2 || (seen.get(id) ?? 0) > MAX_RETRIES + 3) return 'ack'
  if (percentOf(id, plan.seed) < FATES.poison) return 'retry'
  const percent = percentOf(`${id} ${attempts}`, plan.seed)
  if (percent < FATES.retry) return 'retry'
  if (percent < FATES.delayedRetry) return 'delayed retry'
  if (percent < FATES.crash) return 'crash'
  if (percent < FATES.late) return 'late'
  if (percent < FATES.renew) return 'renew'
  return 'ack'
}

function isSlow(worker: Worker, from: 'queue' | 'dead', one: QueueIncoming): boolean {
  return ['crash', 'late', 'renew'].includes(fateOf(worker, from, one))
}

async function settle(consumed: Consumed, batch: readonly QueueIncoming[]): Promise<void> {
  if (batch.length === 0) return
  const { worker, driver, from } = consumed
  const settlements = batch.map((one): QueueSettlement => {
    const fate = fateOf(worker, from, one)
    return fate === 'retry' || fate === 'delayed retry'
      ? { lease: one.lease, outcome: 'retry', delaySeconds: fate === 'retry' ? 0 : 1 }
      : { lease: one.lease, outcome: 'ack' }
  })
  await record(
    worker,
    {
      do: 'settle',
      from,
      settlements: settlements.map((one) => ({
        lease: one.lease,
        retry: one.outcome === 'ack' ? null : one.delaySeconds,
      })),
    },
    () => driver.settle?.(settlements) ?? Promise.resolve({ dropped: [] }),
  )
}

/** A consumer that never settles, settles after its lease, or renews its lease and settles. */
async function slow(consumed: Consumed, one: QueueIncoming): Promise<void> {
  const { worker, driver, from } = consumed
  const fate = fateOf(worker, from, one)
  if (fate === 'crash') return
  if (fate === 'late') await sleep(LEASE_SECONDS * 1400)
  else
    for (let renewal = 0; renewal < 3; renewal++) {
      await sleep(LEASE_SECONDS * 500)
      await record(worker, { do: 'extend', leases: [one.lease], leaseSeconds: LEASE_SECONDS }, async () =>
        driver.extend?.([one.lease], LEASE_SECONDS),
      )
    }
  await settle(consumed, [one])
}

/** Resolves when both queues are empty. Rejects if nothing was delivered for long while messages are left. */
async function drained(drivers: readonly QueueDriver[], deliveries: () => number): Promise<void> {
  let seen = { deliveries: deliveries(), at: performance.now(), left: Infinity }
  for (;;) {
    await sleep(100)
    let left = 0
    try {
      for (const driver of drivers) {
        const depth = await driver.depth?.()
        if (depth !== undefined) left += depth.ready + depth.delayed + depth.leased
      }
    } catch {
      // The backend is away; it comes back.
      left = Infinity
    }
    if (left === 0) return
    if (deliveries() !== seen.deliveries || left < seen.left)
      seen = { deliveries: deliveries(), at: performance.now(), left: Math.min(left, seen.left) }
    if (performance.now() - seen.at > PATIENCE * 1000)
      throw new Error(
        `The queue did not recover: ${left} messages are left, and for ${PATIENCE} s none was delivered here.`,
      )
  }
}
