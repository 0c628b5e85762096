import type { SqlDriver } from '../../../../core/bindings/drivers.ts'

/**
 * Tables of a host's store. `revision` counts the changes that hosts have to apply. A deleted app keeps its
 * row, so that no version number is used twice. Settings are sealed (`seal.ts`); routes are not, as they must
 * be unique among all apps. `unmoor_host_owners` belongs to `owner-table.ts`.
 */
const TABLES = [
  `CREATE TABLE IF NOT EXISTS unmoor_host_state (id BIGINT PRIMARY KEY, revision BIGINT NOT NULL)`,
  `INSERT INTO unmoor_host_state (id, revision) VALUES (1, 1) ON CONFLICT (id) DO NOTHING`,
  `CREATE TABLE IF NOT EXISTS unmoor_host_apps (
     name TEXT PRIMARY KEY, version BIGINT NOT NULL, last_version BIGINT NOT NULL, settings TEXT NOT NULL,
     revision BIGINT NOT NULL, deleted BIGINT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS unmoor_host_versions (
     app TEXT NOT NULL, version BIGINT NOT NULL, size BIGINT NOT NULL, created BIGINT NOT NULL,
     activated BIGINT, note TEXT NOT NULL, PRIMARY KEY (app, version))`,
  `CREATE TABLE IF NOT EXISTS unmoor_host_files (
     app TEXT NOT NULL, version BIGINT NOT NULL, path TEXT NOT NULL, hash TEXT NOT NULL, size BIGINT NOT NULL,
     PRIMARY KEY (app, version, path))`,
  `CREATE INDEX IF NOT EXISTS unmoor_host_files_hash ON unmoor_host_files (hash)`,
  `CREATE TABLE IF NOT EXISTS unmoor_host_owners (
     app TEXT PRIMARY KEY, host TEXT NOT NULL, instance TEXT NOT NULL, address TEXT NOT NULL,
     epoch BIGINT NOT NULL, lease_until BIGINT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS unmoor_host_routes (route TEXT PRIMARY KEY, app TEXT NOT NULL)`,
]

/** Creates missing tables of the deploy store; safe when several hosts do so at once. */
export async function makeTables(driver: SqlDriver): Promise<void> {
  const make = async (): Promise<void> => {
    for (const text of TABLES) await driver.query({ text, params: [] })
  }
  await (driver.exclusive === undefined ? make() : driver.exclusive(make))
}
