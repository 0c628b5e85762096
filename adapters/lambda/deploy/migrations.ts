/** The migrations of a deploy: applied from this machine, to the databases that the secrets name. */
import { join } from 'node:path'
import type { MigrateOptions } from '../../../core/adapter.ts'
import type { DeployContext, DeployStep } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { migrate, recordedMigrations } from '../local/migrate.ts'
import type { Aws } from './aws-calls.ts'
import { type NeededSecret, readSecret } from './inputs.ts'

/**
 * Returns the step that applies what is pending. Reasons to ask for `--yes` are added to `confirm`.
 *
 * @throws `Unavailable` if a database is not reached from here, and `Unsupported` for one that only the
 * function reaches.
 */
export async function migrationSteps(
  context: DeployContext,
  aws: Aws,
  secrets: readonly NeededSecret[],
  confirm: string[],
): Promise<DeployStep[]> {
  const { info } = context
  const migrated = Object.entries(info.migrations).filter(([, migrations]) => migrations.length > 0)
  if (migrated.length === 0) return []
  const inside = migrated.find(([binding]) => info.drivers[binding]?.driver === 'sqlite')?.[0]
  if (inside !== undefined)
    throw new UnmoorError(
      'Unsupported',
      `The database of "${inside}" is a SQLite file of the function, which is not reached from here. ` +
        `Nothing ` +
        'was changed. Set targets.lambda.deploy.migrate: false, and run "unmoor migrate --target lambda" ' +
        'where its file system is mounted.',
      { operation: 'deploy' },
    )
  const variables: Record<string, string> = {}
  for (const { variable, id, exists } of secrets) {
    const value = context.secrets[variable] ?? (exists ? await readSecret(aws, id) : undefined)
    if (value !== undefined) variables[variable] = value
  }
  const options: MigrateOptions = {
    dir: context.dir,
    info: { ...info, migrations: Object.fromEntries(migrated) },
    dataDir: join(context.projectDir, '.unmoor/data'),
    variables,
    log: context.log,
  }
  const recorded = await recordedMigrations(options).catch((cause: unknown) => {
    throw unreached(cause)
  })
  const pending = migrated.flatMap(([binding, migrations]) => {
    const applied = new Set(recorded[binding]?.applied.map(({ name }) => name))
    const after = migrations.filter(({ name }) => !applied.has(name))
    const dialect = recorded[binding]?.dialect ?? 'postgres'
    for (const statement of applied.size === 0 ? [] : context.contracting(after, dialect))
      confirm.push(
        `A migration of "${binding}" does more than expand, and the code that serves may not survive it: ` +
          statement,
      )
    return after.map(({ name }) => name)
  })
  if (pending.length === 0) return []
  const flag = info.environment === undefined ? '' : ` --env ${info.environment}`
  return [
    {
      phase: 'migrations',
      title: `Apply ${pending.join(', ')}`,
      command: `unmoor migrate --target lambda${flag}`,
      changes: "the tables of the app's databases",
      undo: 'never: the code that serves runs on the new tables',
      run: async () => {
        await migrate(options)
        return undefined
      },
    },
  ]
}

function unreached(cause: unknown): UnmoorError {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new UnmoorError(
    'Unavailable',
    `The migrations of the database cannot be read: ${said} Nothing was changed. Deploy where the ` +
      `database is ` +
      'reached, or set targets.lambda.deploy.migrate: false and migrate apart: unmoor migrate --target ' +
      'lambda ' +
      '--url URL',
    { operation: 'deploy', cause },
  )
}
