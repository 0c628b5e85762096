import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import type { PostgresStoreOptions } from '../../adapters/drivers/postgres/index.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { accepts } from '../../core/tools/conformance/backends/server-process.ts'
import { PATIENCE } from '../patience.ts'
import { expect } from 'vitest'
import { type Closable, createHarness, driverContext, type Harness } from './contracts/harness.ts'
import { type Detour, openDetour } from './detour.ts'
import { URL_OF_SERVER } from './postgres-url.ts'

/** Each test has a schema of its own on it. */
export { URL_OF_SERVER }

const target = { host: new URL(URL_OF_SERVER).hostname, port: Number(new URL(URL_OF_SERVER).port || 5432) }

/** Resolves to true if the server answers; otherwise tests are skipped by name. */
export async function postgresAnswers(what: string): Promise<boolean> {
  const answers = await accepts(target.port, target.host)
  if (!answers) console.warn(`${what}: skipped, no server answers at ${URL_OF_SERVER}`)
  return answers
}

/** A connection beside the drivers'. */
export const admin = postgres(URL_OF_SERVER, { max: 1, onnotice: () => {} })

/** A name that no other schema, role or statement on the server has. */
export function uniqueName(): string {
  return `unmoor_test_${randomUUID().replaceAll('-', '')}`
}

/** Drivers in a schema of their own, which they make themselves. */
export function postgresHarness<Driver extends Closable>(
  create: (options: PostgresStoreOptions, context: DriverContext) => Driver | Promise<Driver>,
  options: PostgresStoreOptions = {},
): Harness<Driver> & { schema: string } {
  const schema = uniqueName()
  const remove = (): Promise<unknown> => admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  const open = (settings: Parameters<typeof driverContext>[0]): Driver | Promise<Driver> =>
    create({ url: URL_OF_SERVER, schema, max: 4, ...options }, driverContext(settings))
  return { schema, ...createHarness(open, remove) }
}

/** Waits until so many statements with this text in them run on the server, or wait there for a lock. */
export async function statementsRun(text: string, count = 1): Promise<void> {
  const running = async (): Promise<number> =>
    (
      await admin`SELECT 1 FROM pg_stat_activity WHERE strpos(query, ${text}) > 0 AND state = 'active' AND pid <> pg_backend_pid()`
    ).count
  await expect.poll(running, PATIENCE).toBe(count)
}

/** A way to the server that can be watched, held and cut. */
export async function postgresDetour(): Promise<Detour & { url: string }> {
  const detour = await openDetour(target)
  const url = new URL(URL_OF_SERVER)
  url.hostname = '127.0.0.1'
  url.port = String(detour.port)
  return { ...detour, url: url.href }
}
