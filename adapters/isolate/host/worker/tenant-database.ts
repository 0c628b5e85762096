import { createHmac, createHash } from 'node:crypto'
import type { DriverSpec } from '../../../../core/adapter.ts'
import { sql as declareSql } from '../../../../core/bindings/declarations.ts'
import type { DriverFactory, SqlDriver } from '../../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { loadModule } from '../driver-module.ts'

/** Connections that one app's user may have to a shared database, over all processes. */
const CONNECTIONS = 20
/** Connection pool that one process has for an app's `sql` binding; small, as a host has many apps. */
const POOL = { max: 2, idleTimeout: 10 }

const made = new Map<string, Promise<DriverSpec>>()

/**
 * Returns the spec of a Postgres user and schema that belong to one app's `sql` binding, created if missing.
 * An app's statements can name any table, so only the server can keep apps apart. The host's user must be
 * allowed to create roles and schemas.
 *
 * @throws `InvalidArgument` for a driver other than postgres, which could not be shared safely.
 */
export function tenantDatabase(shared: DriverSpec, app: string, binding: string): Promise<DriverSpec> {
  const { driver, url } = shared as DriverSpec & { url?: unknown }
  if (driver === 'sqlite' && Object.keys(shared).length === 1) return Promise.resolve(shared)
  if (driver !== 'postgres' || typeof url !== 'string') {
    throw new UnmoorError(
      'InvalidArgument',
      `The host's drivers.sql takes { "driver": "postgres", "url": "..." }; another one cannot keep ` +
        'apps apart.',
      {
        operation: 'config',
      },
    )
  }
  const key = `${url} ${app}/${binding}`
  const known =
    made.get(key) ??
    make(url, app, binding).catch((error: unknown) => {
      made.delete(key)
      throw error
    })
  made.set(key, known)
  return known
}

async function make(url: string, app: string, binding: string): Promise<DriverSpec> {
  // Postgres cuts names at 63 bytes; the hash keeps cut names distinct.
  const hash = createHash('sha256').update(`${app}/${binding}`).digest('hex').slice(0, 16)
  const name = `unmoor_${app.slice(0, 24)}_${hash}`
  const own = new URL(url)
  // The password of an app's Postgres user is derived from the host's database URL, so that it need not be
  // stored.
  const password = createHmac('sha256', url).update(name).digest('base64url')
  own.username = name
  own.password = password
  const { sql } = (await loadModule('postgres', binding)) as { sql: DriverFactory<'sql', object> }
  const driver: SqlDriver = await sql(
    { url, max: 1, idleTimeout: 1 },
    { binding, app: 'unmoor-host', declaration: declareSql(), variable: () => undefined, now: Date.now },
  )
  const run = (text: string): Promise<unknown> => driver.query({ text, params: [] })
  try {
    const role = `"${name}"`
    await run(
      `DO $$ BEGIN CREATE ROLE ${role} NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT; EXCEPTION WHEN ` +
        'duplicate_object OR unique_violation THEN NULL; END $$',
    )
    await run(`ALTER ROLE ${role} LOGIN CONNECTION LIMIT ${CONNECTIONS} PASSWORD '${password}'`)
    // To create a schema for an app's role, the host's Postgres user must be a member of that role or a
    // superuser.
    await run(`GRANT ${role} TO CURRENT_USER`)
    await run(
      `DO $$ BEGIN CREATE SCHEMA ${role} AUTHORIZATION ${role}; EXCEPTION WHEN duplicate_schema OR ` +
        'unique_violation THEN NULL; END $$',
    )
  } catch (cause) {
    throw new UnmoorError(
      'PermissionDenied',
      `App "${app}": the host's Postgres made no user for its binding ` +
        `"${binding}": ${(cause as Error).message}`,
      {
        binding,
        operation: 'start',
        cause,
      },
    )
  } finally {
    await driver.close?.()
  }
  return { driver: 'postgres', url: own.href, schema: name, ...POOL }
}
