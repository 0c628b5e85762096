/** A consumer that tells its parent what it worked off, and acks only then: killed in between, the message comes again. */
import { queue } from '../../adapters/drivers/postgres/index.ts'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'
import type { QueueDriver } from '../../core/bindings/drivers.ts'

const [url = '', schema = ''] = process.argv.slice(2)
const context = { binding: 'jobs', app: 'test', declaration: declareQueue({ maxRetries: 100 }), variable: () => undefined, now: Date.now }
const jobs = (await queue({ url, schema, max: 2 }, context)) as Required<QueueDriver>
process.on('disconnect', () => process.exit(0))
for (;;) {
  const batch = await jobs.receive({ max: 10, leaseSeconds: 2, waitSeconds: 5, signal: new AbortController().signal })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await new Promise<void>((resolve) =>
    process.send?.(
      batch.map(({ id }) => id),
      () => resolve(),
    ),
  )
  await jobs.settle(batch.map(({ lease }) => ({ lease, outcome: 'ack' })))
}
