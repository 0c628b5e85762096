import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import * as memory from '../../adapters/drivers/memory/index.ts'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'
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

it('memory queue: a message whose last delivery was never settled becomes a dead letter', async () => {
  let now = 0
  const open = (binding: string, options: object): ReturnType<typeof memory.queue> =>
    memory.queue(
      { prefix: 'crashes' },
      driverContext({ binding, declaration: declareQueue(options), now: () => now }),
    )
  const [jobs, dead] = [
    await open('jobs', { maxRetries: 0, deadLetterQueue: 'dead' }),
    await open('dead', {}),
  ]
  await jobs.send([{ id: 'a', contentType: 'json', body: '1', delaySeconds: 0 }])
  const receive = { max: 1, leaseSeconds: 1, waitSeconds: 0, signal: new AbortController().signal }
  expect(await jobs.receive?.(receive)).toMatchObject([{ id: 'a', attempts: 1 }])
  now += 2000
  expect(await jobs.receive?.(receive)).toEqual([])
  expect(await dead.receive?.(receive)).toMatchObject([{ id: 'a', attempts: 1 }])
})
