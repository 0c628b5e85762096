import { randomUUID } from 'node:crypto'
import * as memory from '../../adapters/drivers/memory/index.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { blobContract } from './contracts/blob.ts'
import { type Closable, createHarness, driverContext, type Harness } from './contracts/harness.ts'
import { kvContract } from './contracts/kv.ts'
import { queueContract } from './contracts/queue.ts'
import { strongKvContract } from './contracts/strong-kv.ts'

async function memoryHarness<Driver extends Closable>(
  create: (options: { prefix: string }, context: DriverContext) => Driver | Promise<Driver>,
): Promise<Harness<Driver>> {
  const prefix = randomUUID()
  return createHarness((options) => create({ prefix }, driverContext(options)))
}

kvContract('memory', () => memoryHarness((options, context) => memory.kv(options, context)))
kvContract('memory strong', () => memoryHarness((options, context) => memory.strongKv(options, context)))
strongKvContract('memory', () => memoryHarness((options, context) => memory.strongKv(options, context)))
blobContract('memory', () => memoryHarness((options, context) => memory.blob(options, context)))
queueContract('memory', () => memoryHarness((options, context) => memory.queue(options, context)))
