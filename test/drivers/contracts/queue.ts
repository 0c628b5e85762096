import type { QueueDriver } from '../../../core/bindings/drivers.ts'
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
}
