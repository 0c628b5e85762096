/** A consumer in a process of its own, for nats-queue.test.ts: `node nats-child.ts URL PREFIX`. It receives, waits a little, tells the ids, and acks. */
import { setTimeout as sleep } from 'node:timers/promises'
import { queue } from '../../adapters/drivers/nats/index.ts'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'

const [, , url = '', prefix = ''] = process.argv
const declaration = declareQueue({ maxRetries: 100 })
const driver = await queue({ url, prefix, ackWait: 1 }, { binding: 'jobs', app: 'test', declaration, variable: () => undefined, now: Date.now })

for (;;) {
  try {
    const batch = (await driver.receive?.({ max: 10, leaseSeconds: 1, waitSeconds: 2, signal: new AbortController().signal })) ?? []
    await sleep(10)
    // Told before the ack: a kill between them makes a duplicate, never a loss.
    await new Promise((resolve) => process.stdout.write(batch.map(({ id }) => `${id}\n`).join(''), resolve))
    await driver.settle?.(batch.map(({ lease }) => ({ lease, outcome: 'ack' })))
  } catch {
    // The server is away; it comes back.
    await sleep(50)
  }
}
