import type { Adapter } from '../../adapter.ts'
import type { SqlDialect } from '../../bindings/drivers.ts'
import type { KnownBinding } from './bindings.ts'
import type { Report } from './finding.ts'
import type { SourceFile } from './source-file.ts'
import type { Node } from '../build/syntax.ts'

/** A target of `unmoor check`, with the facts that its rules need. */
export interface CheckedTarget {
  readonly name: string
  readonly adapter: Adapter
  /** SQL engines behind the target's sql bindings; the default driver's engine if the app declares none. */
  readonly dialects: ReadonlySet<SqlDialect>
}

/** Data for a rule of `unmoor check` that checks one module. */
export interface FileContext {
  readonly file: SourceFile
  readonly targets: readonly CheckedTarget[]
  /** Returns the app's binding that an expression refers to. */
  bindingOf(node: Node): KnownBinding | undefined
  /** Evaluates an expression of the module without running it; undefined if its value is unknown. */
  evaluate(node: Node | undefined): { value: unknown } | undefined
  report(report: Report): void
}

/** Returns the names of the checked targets for which `test` holds. */
export function targetsWhere(
  targets: readonly CheckedTarget[],
  test: (target: CheckedTarget) => boolean,
): string[] {
  return targets.filter(test).map(({ name }) => name)
}
