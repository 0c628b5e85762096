import type { Adapter } from '../../adapter.ts'
import type { SqlDialect } from '../../bindings/drivers.ts'
import type { KnownBinding } from './bindings.ts'
import type { Report } from './finding.ts'
import type { SourceFile } from './source-file.ts'
import type { Node } from '../build/syntax.ts'

/** A target with the facts that the rules need. */
export interface CheckedTarget {
  readonly name: string
  readonly adapter: Adapter
  /** Engines behind the target's sql bindings; the default driver's engine if the app declares none. */
  readonly dialects: ReadonlySet<SqlDialect>
}

/** Data for a rule that checks one module. */
export interface FileContext {
  readonly file: SourceFile
  readonly targets: readonly CheckedTarget[]
  /** Returns the binding that an expression refers to. */
  bindingOf(node: Node): KnownBinding | undefined
  /** Evaluates an expression statically; undefined if its value is unknown. */
  evaluate(node: Node | undefined): { value: unknown } | undefined
  report(report: Report): void
}

/** The names of the targets for which `test` holds. */
export function targetsWhere(
  targets: readonly CheckedTarget[],
  test: (target: CheckedTarget) => boolean,
): string[] {
  return targets.filter(test).map(({ name }) => name)
}
