import { createConnection } from 'mysql2/promise'
import type { Service } from './service.ts'

/** A server where databases may be made. */
const SERVER = process.env['CORPUS_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/'

async function run(statement: string): Promise<void> {
  const connection = await createConnection({ uri: SERVER, connectTimeout: 5000 })
  try {
    await connection.query(statement)
  } finally {
    await connection.end()
  }
}

/** MySQL or MariaDB: a database for each app and target, at `DATABASE_URL`. */
export const mysql: Service = {
  async missing() {
    try {
      await run('SELECT 1')
      return undefined
    } catch (error) {
      return `no MySQL or MariaDB at ${SERVER} (CORPUS_MYSQL_URL names another): ${String(error)}`
    }
  },
  async open(space) {
    await run(`CREATE DATABASE ${space}`)
    const url = new URL(SERVER)
    url.pathname = `/${space}`
    return { variables: { DATABASE_URL: url.href }, close: () => run(`DROP DATABASE ${space}`) }
  },
}
