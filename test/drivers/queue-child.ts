/**
 * A consumer in a process of its own, for queue-kills.ts: `node queue-child.ts DRIVER OPTIONS [DATA_DIR]`. It
 * receives, waits a little, tells the ids, and acks. It ends with its parent.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'
import type { DriverFactory } from '../../core/bindings/drivers.ts'
import { driverContext } from '../../core/tools/conformance/drivers/harness.ts'

process.stdin.once('end', () => process.exit()).resume()
const [, , name = '', options = '', dataDir] = process.argv
const { queue } = (await import(`../../adapters/drivers/${name}/index.ts`)) as {
  queue: DriverFactory<'queue', object>
}
const context = driverContext(
  { binding: 'jobs', declaration: declareQueue({ maxRetries: 100 }) },
  { dataDir },
)
const driver = await queue(JSON.parse(options) as object, context)

for (;;) {
  try {
    const batch =
      (await driver.receive?.({
        max: 10,
        leaseSeconds: 1,
        waitSeconds: 2,
        signal: new AbortController().signal,
      })) ?? []
    await sleep(10)
    // Told before the ack: a kill between them makes a duplicate, never a loss.
    await new Promise((resolve) => process.stdout.write(batch.map(({ id }) => `${id}\n`).join(''), resolve))
    await driver.settle?.(batch.map(({ lease }) => ({ lease, outcome: 'ack' })))
  } catch {
    // The server is away; it comes back.
    await sleep(50)
  }
}
