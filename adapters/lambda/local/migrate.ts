import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import type {
  ArtifactInfo,
  DriverSpec,
  MigrateOptions,
  MigrateReport,
  RecordedReport,
} from '../../../core/adapter.ts'
import type { DriverFactory, SqlDriver } from '../../../core/bindings/drivers.ts'
import {
  migrate as applyMigrations,
  recordedMigrations as readRecorded,
} from '../../../core/bindings/migrations.ts'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * Applies SQL migrations to the databases that the Lambda artifact's drivers name. A function never migrates
 * by itself: many environments start at once, with a deadline.
 *
 * @throws `NotFound` if neither `--url` nor the driver's variable names a database.
 */
export function migrate(options: MigrateOptions): Promise<MigrateReport> {
  return eachDatabase(options, false, (driver, binding) =>
    applyMigrations(driver, binding, options.info.migrations[binding] ?? []),
  )
}

/**
 * Returns the migrations that the databases of the Lambda artifact's drivers have recorded.
 *
 * @throws `NotFound` if neither `--url` nor the driver's variable names a database.
 */
export function recordedMigrations(options: MigrateOptions): Promise<RecordedReport> {
  return eachDatabase(options, true, readRecorded)
}

async function eachDatabase<T>(
  { info, url, variables, dataDir }: MigrateOptions,
  readOnly: boolean,
  work: (driver: SqlDriver, binding: string) => Promise<T>,
): Promise<Record<string, T>> {
  const bindings = Object.keys(info.migrations)
  if (url !== undefined && bindings.length > 1) {
    throw new UnmoorError(
      'InvalidArgument',
      `--url names one database, but this app has ${bindings.length} with migrations: ` +
        `${bindings.join(', ')}. Set the variables that their drivers read instead.`,
      { operation: 'migrate' },
    )
  }
  const report: Record<string, T> = {}
  for (const binding of bindings) {
    const driver = await openSql(binding, info, { variables, dataDir, url, readOnly })
    try {
      report[binding] = await work(driver, binding)
    } finally {
      await driver.close?.()
    }
  }
  return report
}

async function openSql(
  binding: string,
  info: ArtifactInfo,
  where: Pick<MigrateOptions, 'variables' | 'dataDir' | 'url'> & { readOnly: boolean },
): Promise<SqlDriver> {
  const spec = info.drivers[binding]
  const declaration = info.manifest.bindings[binding]
  if (spec === undefined || declaration === undefined)
    throw new UnmoorError('Internal', `Binding "${binding}" has no driver: build the app again.`, { binding })
  const module = (await import(driverUrl(spec.driver))) as {
    sql?: DriverFactory<'sql', Record<string, unknown>>
  }
  if (module.sql === undefined)
    throw new UnmoorError(
      'InvalidArgument',
      `Binding "${binding}": the driver "${spec.driver}" does not serve sql.`,
      { binding, operation: 'migrate' },
    )
  const variable = (name: string): string | undefined => where.variables[name]
  const options = {
    ...readVariables(spec, binding, variable, where.url !== undefined),
    ...(where.url === undefined ? {} : { url: where.url }),
  }
  return module.sql(options, {
    binding,
    app: info.manifest.name,
    declaration,
    dataDir: where.dataDir,
    variable,
    now: Date.now,
    readOnly: where.readOnly,
  })
}

/**
 * Returns the module URL of a driver: one of ours by name, from source or from the package; another by its
 * path or package.
 */
function driverUrl(driver: string): string {
  if (isAbsolute(driver)) return pathToFileURL(driver).href
  if (!/^[a-z0-9]+$/.test(driver)) return driver
  return new URL(
    `../../drivers/${driver}/index.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`,
    import.meta.url,
  ).href
}

function readVariables(
  spec: DriverSpec,
  binding: string,
  variable: (name: string) => string | undefined,
  hasUrl: boolean,
): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(spec)) {
    const env =
      typeof value === 'object' && value !== null && 'env' in value && typeof value.env === 'string'
        ? value.env
        : undefined
    const found = env === undefined ? value : variable(env)
    if (found === undefined && !(hasUrl && name === 'url')) {
      throw new UnmoorError(
        'NotFound',
        `Binding "${binding}": its driver's "${name}" comes from the variable ${env}, which is not set. ` +
          'Set it, or give --url.',
        { binding, operation: 'migrate' },
      )
    }
    options[name] = found
  }
  return options
}
