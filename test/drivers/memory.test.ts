import { randomUUID } from 'node:crypto'
import * as memory from '../../adapters/drivers/memory/index.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { blobContract } from './contracts/blob.ts'
import { driverContext, type Harness } from './contracts/harness.ts'
import { kvContract } from './contracts/kv.ts'
import { queueContract } from './contracts/queue.ts'
import { strongKvContract } from './contracts/strong-kv.ts'

async function memoryHarness<Driver extends { close?(): Promise<void> | void }>(
  create: (options: { prefix: string }, context: DriverContext) => Driver | Promise<Driver>,
): Promise<Harness<Driver>> {
  const prefix = randomUUID()
  const opened: Driver[] = []
  return {
    async open(options = {}) {
      const driver = await create({ prefix }, driverContext(options))
      opened.push(driver)
      return driver
    },
    async dispose() {
      for (const driver of opened) await driver.close?.()
    },
  }
}

kvContract('memory', () => memoryHarness((options, context) => memory.kv(options, context)))
kvContract('memory strong', () => memoryHarness((options, context) => memory.strongKv(options, context)))
strongKvContract('memory', () => memoryHarness((options, context) => memory.strongKv(options, context)))
blobContract('memory', () => memoryHarness((options, context) => memory.blob(options, context)))
queueContract('memory', () => memoryHarness((options, context) => memory.queue(options, context)))
