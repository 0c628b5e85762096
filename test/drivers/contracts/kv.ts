import type { KvDriver } from '../../../core/bindings/drivers.ts'
import { kvCases } from '../../../core/tools/conformance/drivers/kv.ts'
import type { Gaps, Harness } from './harness.ts'
import { runCases } from './run.ts'

/** The published kv cases as Vitest tests. */
export function kvContract(
  name: string,
  create: () => Promise<Harness<KvDriver>>,
  options: NonNullable<Parameters<typeof kvCases>[1]> & { gaps?: Gaps } = {},
): void {
  runCases(`kv driver ${name}`, kvCases(create, options), options.gaps)
}
