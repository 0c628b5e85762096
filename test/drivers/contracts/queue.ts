import { queue } from '../../../core/bindings/declarations.ts'
import type { QueueDriver } from '../../../core/bindings/drivers.ts'
import { QUEUE_OPERATIONS, type QueueOperations } from '../../../core/runtime/queue-operations.ts'
import { expect, it } from 'vitest'
import { queueCases } from '../../../core/tools/conformance/drivers/queue.ts'
import type { Gaps, Harness } from './harness.ts'
import { runCases } from './run.ts'

/** The published queue cases as Vitest tests. */
export function queueContract(
  name: string,
  create: () => Promise<Harness<QueueDriver>>,
  options: NonNullable<Parameters<typeof queueCases>[1]> & { gaps?: Gaps } = {},
): void {
  runCases(`queue driver ${name}`, queueCases(create, options), options.gaps)

  it(`queue driver ${name}: it has the operations that its data declares, and no others`, async () => {
    const harness = await create()
    try {
      const driver = await harness.open({ binding: 'jobs', declaration: queue() })
      const declared = QUEUE_OPERATIONS[name.split(' ')[0] as string] as QueueOperations
      for (const operation of ['depth', 'peek', 'replay', 'purge'] as const)
        expect([operation, driver[operation] !== undefined]).toEqual([
          operation,
          declared[operation] === true,
        ])
    } finally {
      await harness.dispose()
    }
  })
}
