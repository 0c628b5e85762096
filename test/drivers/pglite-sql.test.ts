import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { afterAll, beforeAll } from 'vitest'
import { sql } from '../../adapters/drivers/postgres/index.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { driverContext, type Harness } from './contracts/harness.ts'
import { sqlContract } from './contracts/sql.ts'

let database: PGlite
let server: PGLiteSocketServer
let url: string

beforeAll(async () => {
  database = await PGlite.create()
  server = new PGLiteSocketServer({ db: database, port: 0, host: '127.0.0.1', maxConnections: 1 })
  await server.start()
  url = `postgres://postgres@${server.getServerConn()}/postgres`
})
afterAll(async () => {
  await server.stop()
  await database.close()
})

/** The embedded Postgres has one connection: all drivers of a case are one. */
async function create(): Promise<Harness<SqlDriver>> {
  await database.exec('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
  let driver: SqlDriver | undefined
  return {
    open: async (options = {}) => (driver ??= await sql({ url, max: 1 }, driverContext(options))),
    dispose: async () => driver?.close?.(),
  }
}

sqlContract('postgres over PGlite', create)
