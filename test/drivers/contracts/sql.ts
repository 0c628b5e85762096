import type { SqlDriver } from '../../../core/bindings/drivers.ts'
import { sqlCases } from '../../../core/tools/conformance/drivers/sql.ts'
import type { Harness } from './harness.ts'
import { runCases } from './run.ts'

/** The published sql cases as Vitest tests. */
export function sqlContract(name: string, create: () => Promise<Harness<SqlDriver>>): void {
  runCases(`sql driver ${name}`, sqlCases(create))
}
