import type { StrongKvDriver } from '../../../core/bindings/drivers.ts'
import { strongKvCases } from '../../../core/tools/conformance/drivers/strong-kv.ts'
import type { Gaps, Harness } from './harness.ts'
import { runCases } from './run.ts'

/** The published strongKv cases as Vitest tests. */
export function strongKvContract(
  name: string,
  create: () => Promise<Harness<StrongKvDriver>>,
  options: NonNullable<Parameters<typeof strongKvCases>[1]> & { gaps?: Gaps } = {},
): void {
  runCases(`strongKv driver ${name}`, strongKvCases(create, options), options.gaps)
}
