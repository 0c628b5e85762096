/** What `unmoor migrate --status` and `--dry-run` print. */
import type { ArtifactInfo, RecordedReport } from '../../adapter.ts'
import type { SqlDialect } from '../../bindings/drivers.ts'
import {
  migrationStates,
  type MigrationState,
  pendingMigrations,
  statementsOf,
} from '../../bindings/migrations.ts'
import type { Reporter } from './reporter.ts'

const PROBLEMS: Readonly<Record<NonNullable<MigrationState['problem']>, string>> = {
  changed: 'its text changed after it ran: put its old text back',
  removed: 'its file is gone: put it back',
  late: 'it sorts before one that has run: rename it so that it comes last',
}

/** Prints the state of each migration, and returns the states by binding. */
export function printStatus(
  { migrations }: Pick<ArtifactInfo, 'migrations'>,
  recorded: RecordedReport,
  report: Reporter,
): Record<string, { dialect: SqlDialect; migrations: MigrationState[] }> {
  const bindings: ReturnType<typeof printStatus> = {}
  for (const [binding, { dialect, applied }] of Object.entries(recorded)) {
    const states = migrationStates(migrations[binding] ?? [], applied)
    bindings[binding] = { dialect, migrations: states }
    const pending = states.filter(({ state }) => state === 'pending').length
    report.print(`${binding} (${dialect}): ${states.length - pending} applied, ${pending} pending`)
    const width = Math.max(0, ...states.map(({ name }) => name.length))
    for (const { name, state, appliedAt = '', problem } of states) {
      const note = problem === undefined ? '' : PROBLEMS[problem]
      report.print(`  ${state.padEnd(7)}  ${name.padEnd(width)}  ${appliedAt}  ${note}`.trimEnd())
    }
  }
  return bindings
}

/**
 * Prints the statements of the pending migrations as one SQL script, and returns them by binding.
 *
 * @throws what `migrate` would throw before it applies the first of a database: `Conflict` for a history that
 * does not fit, `InvalidArgument` for a migration without a text for the engine.
 */
export function printPlan(
  { migrations }: Pick<ArtifactInfo, 'migrations'>,
  recorded: RecordedReport,
  report: Reporter,
): Record<string, { dialect: SqlDialect; pending: { name: string; statements: string[] }[] }> {
  const bindings: ReturnType<typeof printPlan> = {}
  for (const [binding, { dialect, applied }] of Object.entries(recorded)) {
    const pending = pendingMigrations(binding, migrations[binding] ?? [], applied).map((migration) => ({
      name: migration.name,
      statements: statementsOf(migration, dialect, { binding, operation: 'migrate' }),
    }))
    bindings[binding] = { dialect, pending }
  }
  for (const [binding, { dialect, pending }] of Object.entries(bindings)) {
    const count = pending.length === 0 ? 'nothing' : pending.length
    report.print(`-- ${binding} (${dialect}): ${count} to apply`)
    for (const { name, statements } of pending) {
      report.print(`-- ${name}`)
      for (const statement of statements) report.print(`${statement};`)
    }
  }
  return bindings
}
