import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { MigrateOptions, RecordedReport } from '../../../core/adapter.ts'
import type { RecordedMigrations } from '../../../core/bindings/migrations.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { recordedInPostgres } from './migrate-postgres.ts'
import { postgresUrls, readSimulator } from './start.ts'

/**
 * Returns the migrations that the simulator's D1 databases and the Postgres databases behind Hyperdrive have
 * recorded; with `url`, only those of the Postgres origin at that address.
 *
 * @throws `Unsupported` for a `url` if no binding is a Postgres database.
 */
export async function recordedMigrations(options: MigrateOptions): Promise<RecordedReport> {
  const { url, info, dataDir } = options
  const isPostgres = (binding: string): boolean => info.drivers[binding]?.driver === 'postgres'
  const bindings = Object.keys(info.migrations)
  if (url !== undefined && !Object.keys(info.drivers).some(isPostgres)) {
    throw new UnmoorError(
      'Unsupported',
      `D1 has no URL, and unmoor reads only the simulator's D1. Deploy from ${options.dir} and run "npx ` +
        'wrangler d1 migrations list DATABASE --remote" there: it lists the migrations that are pending.',
      { operation: 'migrate' },
    )
  }
  const report: Record<string, RecordedMigrations> = {}
  if (url === undefined) {
    const inD1 = bindings.filter((binding) => !isPostgres(binding))
    if (inD1.length > 0)
      options.log.info(
        "This reads the simulator's D1. What is pending on Cloudflare is listed in " +
          `${options.dir} by: npx wrangler d1 migrations list DATABASE --remote`,
      )
    for (const binding of inD1) report[binding] = { dialect: 'sqlite', applied: [] }
    // The simulator would create its folder, so it is started only if D1's part of that folder exists.
    if (inD1.length > 0 && existsSync(join(dataDir, 'v3', 'd1')))
      Object.assign(report, await readSimulator(options))
  }
  const inPostgres = bindings.filter(isPostgres)
  const origins = url === undefined && inPostgres.length > 0 ? postgresUrls(options) : {}
  for (const binding of inPostgres) {
    const origin = url === undefined ? (origins[binding]?.options ?? {}) : { ...info.drivers[binding], url }
    report[binding] = await recordedInPostgres(binding, origin, info.manifest.name)
  }
  return report
}
