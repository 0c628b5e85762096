/** One process of the queue soak: the producer or a consumer. It may be killed at any time. */
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { queue } from '../../../bindings/declarations.ts'
import type { QueueDriver } from '../../../bindings/drivers.ts'
import { consumeQueues } from '../../../runtime/queue-consumer.ts'
import { sleep } from '../assert.ts'
import { driverContext } from '../drivers/harness.ts'
import { loadDriver } from '../drivers/modules.ts'
import { LEASE_SECONDS, QUEUE, type Task } from './task.ts'

// The cast of the process's first argument is unchecked, since the sender of the task is our own soak.ts.
const task = JSON.parse(process.argv[2] ?? '') as Task
// The soak's worker process ends when its parent process ends: without a parent nobody would end it.
process.once('disconnect', () => process.exit(1))

const { binding, app } = QUEUE
const declaration = queue(QUEUE.options)
const { factories } = await loadDriver(task.driver)
const context = driverContext(
  { binding, app, declaration },
  { dataDir: task.dataDir, variable: (name) => task.variables[name] ?? process.env[name] },
)
const driver = (await factories.queue?.(task.options, context)) as QueueDriver
const journal = openSync(task.journal, 'a')
/** Appends a line to the soak's journal in one write, so that a kill cannot cut the line. */
const note = (line: number): void => void writeSync(journal, `${line}\n`)

if (task.role === 'produce') await produce()
else await consume()

/**
 * Sends the queue messages that were not acknowledged yet. If a kill came between the acknowledgement and the
 * journal, messages are sent again: duplicates, not losses.
 */
async function produce(): Promise<void> {
  let next = Number(readFileSync(task.journal, 'utf8').trimEnd().split('\n').at(-1) ?? 0)
  while (next < task.messages) {
    const count = Math.min(1 + Math.floor(Math.random() * 100), task.messages - next)
    const batch = Array.from({ length: count }, (_, index) => ({
      id: randomUUID(),
      contentType: 'json' as const,
      body: JSON.stringify({ n: next + index }),
      delaySeconds: 0,
    }))
    try {
      await driver.send(batch)
      next += count
      note(next)
    } catch (error) {
      // The queue's server may be restarting; messages that were not acknowledged are sent again.
      console.error(error)
      await sleep(100)
    }
    await sleep(Math.random() * 20)
  }
  await driver.close?.()
  closeSync(journal)
  process.exit(0)
}

/**
 * Handles queue messages until SIGTERM: most immediately, some after a retry, and now and then a batch takes
 * longer than its lease.
 */
async function consume(): Promise<void> {
  const consumers = consumeQueues([{ binding, declaration, driver }], {
    leaseSeconds: LEASE_SECONDS,
    async handle(_, messages) {
      await sleep(Math.random() * 30)
      if (Math.random() < 0.002) await sleep(LEASE_SECONDS * 1500)
      const settlements = messages.map(({ lease, body }) => {
        if (Math.random() < 0.02) return { lease, outcome: 'retry' as const, delaySeconds: 0 }
        note((JSON.parse(body as string) as { n: number }).n)
        return { lease, outcome: 'ack' as const }
      })
      // The queue messages are handled but not acknowledged: if a kill comes here, they are delivered again.
      await sleep(Math.random() * 10)
      return { settlements }
    },
  })
  process.once('SIGTERM', () => {
    void consumers
      .stop()
      .then(() => driver.close?.())
      .then(() => process.exit(0))
  })
}
