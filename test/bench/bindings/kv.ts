/** kv through the portable class and its driver, against the bare client and unstorage's drivers. */
import { DatabaseSync } from 'node:sqlite'
import { createDatabase } from 'db0'
import nodeSqlite from 'db0/connectors/node-sqlite'
import { Redis } from 'iovalkey'
import postgres from 'postgres'
import { createStorage } from 'unstorage'
import db0Driver from 'unstorage/drivers/db0'
import redisDriver from 'unstorage/drivers/redis'
import { kv as postgresKv } from '../../../adapters/drivers/postgres/index.ts'
import { kv as redisKv } from '../../../adapters/drivers/redis/index.ts'
import { kv as sqliteKv } from '../../../adapters/drivers/sqlite/index.ts'
import type { KvDriver } from '../../../core/bindings/drivers.ts'
import { Kv } from '../../../core/bindings/kv.ts'
import { driverContext } from '../../../core/tools/conformance/drivers/harness.ts'
import { type Contenders, IN_FLIGHT, key, KEYS, VALUE, type Work } from './work.ts'

type How = 'get' | 'put'

async function ours(driver: KvDriver, how: How, concurrency = 1): Promise<Work> {
  const kv = new Kv(driver, { binding: 'users' })
  for (const name of KEYS) await kv.put(name, VALUE)
  const once =
    how === 'get' ? (index: number) => kv.get(key(index)) : (index: number) => kv.put(key(index), VALUE)
  return { once, concurrency, close: () => driver.close?.() }
}

/**
 * The same statements as the driver's, prepared once: text with metadata, an expiration that is looked at.
 */
function bareSqlite(path: string, how: How): Work {
  const db = new DatabaseSync(path)
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE kv (key TEXT NOT NULL PRIMARY KEY, value NOT NULL, metadata TEXT, expiration INTEGER)',
  )
  const put = db.prepare(`INSERT INTO kv (key, value, metadata, expiration) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, metadata = excluded.metadata, expiration = excluded.expiration`)
  for (const name of KEYS) put.run(name, VALUE, null, null)
  const get = db.prepare('SELECT value, metadata, expiration FROM kv WHERE key = ?')
  get.setReturnArrays(true)
  const read = async (index: number): Promise<string | null> => {
    const row = get.get(key(index)) as unknown as
      | [value: string, metadata: string | null, expiration: number | null]
      | undefined
    return row === undefined || (row[2] !== null && row[2] * 1000 <= Date.now()) ? null : row[0]
  }
  const write = async (index: number): Promise<void> => void put.run(key(index), VALUE, null, null)
  return { once: how === 'get' ? read : write, close: () => db.close() }
}

/**
 * unstorage's sqlite is its db0 driver. WAL is set for it as for the others: without it, it would be slower
 * yet.
 */
async function unstorageSqlite(folder: string, how: How): Promise<Work> {
  const database = createDatabase(nodeSqlite({ cwd: folder, path: 'db0.sqlite' }))
  await database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  const storage = createStorage<string>({ driver: db0Driver({ database }) })
  for (const name of KEYS) await storage.setItem(name, VALUE)
  const once =
    how === 'get'
      ? (index: number) => storage.getItem(key(index))
      : (index: number) => storage.setItem(key(index), VALUE)
  return { once, close: () => storage.dispose() }
}

const sqlite = (how: How): Contenders => ({
  ours: async ({ folder }) => ours(await sqliteKv({ path: `${folder}/ours.sqlite` }, driverContext({})), how),
  'node:sqlite': ({ folder }) => bareSqlite(`${folder}/bare.sqlite`, how),
  unstorage: ({ folder }) => unstorageSqlite(folder, how),
})

export const KV: Readonly<Record<string, Contenders>> = {
  'kv.sqlite.get': sqlite('get'),
  'kv.sqlite.put': sqlite('put'),
  'kv.postgres.get': {
    ours: async ({ postgres: { url, schema } }) =>
      ours(await postgresKv({ url, schema, max: 4 }, driverContext({})), 'get', IN_FLIGHT),
    'postgres.js': async ({ postgres: { url, schema } }) => {
      // The driver's own table and statement.
      const sql = postgres(url, {
        max: 4,
        onnotice: () => {},
        fetch_types: false,
        connection: { search_path: schema },
      })
      await sql.unsafe(`CREATE SCHEMA ${schema}`)
      await sql.unsafe(
        'CREATE TABLE unmoor_kv (store text COLLATE "C" NOT NULL, key bytea NOT NULL, text_value text, bytes_value bytea, metadata text, expiration bigint, PRIMARY KEY (store, key))',
      )
      for (const name of KEYS)
        await sql`INSERT INTO unmoor_kv (store, key, text_value) VALUES ('test/users', ${Buffer.from(name)}, ${VALUE})`
      const text =
        'SELECT text_value, bytes_value, metadata, expiration FROM unmoor_kv WHERE store = $1 AND key = $2'
      return {
        concurrency: IN_FLIGHT,
        async once(index) {
          const [row] = await sql
            .unsafe(text, ['test/users', Buffer.from(key(index))], { prepare: true })
            .values()
          const [value, , , expiration] = row as [string, unknown, unknown, string | null]
          return expiration !== null && Number(expiration) * 1000 <= Date.now() ? null : value
        },
        close: () => sql.end(),
      }
    },
  },
  'kv.redis.get': {
    ours: async ({ redis: { url } }) =>
      ours(await redisKv({ url, prefix: 'unmoor-bench' }, driverContext({})), 'get', IN_FLIGHT),
    iovalkey: async ({ redis: { url } }) => {
      const client = new Redis(url)
      for (const name of KEYS) await client.set(`unmoor-bench:bare:${name}`, VALUE)
      return {
        once: (index) => client.get(`unmoor-bench:bare:${key(index)}`),
        concurrency: IN_FLIGHT,
        close: () => client.disconnect(),
      }
    },
    unstorage: async ({ redis: { url } }) => {
      const storage = createStorage<string>({ driver: redisDriver({ url, base: 'unmoor-bench:unstorage' }) })
      for (const name of KEYS) await storage.setItem(name, VALUE)
      return {
        once: (index) => storage.getItem(key(index)),
        concurrency: IN_FLIGHT,
        close: () => storage.dispose(),
      }
    },
  },
}
