import type { BlobDriver } from '../../../core/bindings/drivers.ts'
import { blobCases } from '../../../core/tools/conformance/drivers/blob.ts'
import type { Gaps, Harness } from './harness.ts'
import { runCases } from './run.ts'

/** The published blob cases as Vitest tests. */
export function blobContract(
  name: string,
  create: () => Promise<Harness<BlobDriver>>,
  options: { gaps?: Gaps } = {},
): void {
  runCases(`blob driver ${name}`, blobCases(create), options.gaps)
}
