import type { CacheDriver } from '../../../core/bindings/drivers.ts'
import { cacheCases } from '../../../core/tools/conformance/drivers/cache.ts'
import type { Harness } from './harness.ts'
import { runCases } from './run.ts'

/** The published cache cases as Vitest tests. */
export function cacheContract(
  name: string,
  create: () => Promise<Harness<CacheDriver>>,
  options: NonNullable<Parameters<typeof cacheCases>[1]> = {},
): void {
  runCases(`cache driver ${name}`, cacheCases(create, options))
}
