import type postgres from 'postgres'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { types } from './types.ts'

/** Options of the postgres driver. */
export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`, with `?sslmode=require` for TLS. Default: the variable DATABASE_URL. */
  url?: string
  /** Most connections of this process. Default: 10. */
  max?: number
  /** Schema for the tables, first in the search path; migrations make it. Default: the user's own search path. */
  schema?: string
  /** Whether statements are prepared once per connection. Turn it off behind a pooler that hands a connection round between transactions (PgBouncer below 1.21). Default: true. */
  prepare?: boolean
  /** Seconds to wait for a connection. Default: 10. */
  connectTimeout?: number
  /** Seconds until an unused connection is closed. Default: never. */
  idleTimeout?: number
}

/** A pool of connections; the first is made by the first query. */
export async function connect(options: PostgresOptions, context: DriverContext): Promise<{ client: postgres.Sql; server: string }> {
  const { binding } = context
  const text = options.url ?? context.variable('DATABASE_URL')
  const url = parseUrl(text, binding)
  const create = await load(binding)
  const client = create(text ?? '', {
    max: options.max ?? 10,
    prepare: options.prepare ?? true,
    connect_timeout: options.connectTimeout ?? 10,
    ...(options.idleTimeout === undefined ? {} : { idle_timeout: options.idleTimeout }),
    // It would ask the server for its array types on every connection.
    fetch_types: false,
    types,
    // The default prints them.
    onnotice: () => {},
    connection: {
      application_name: 'unmoor',
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      ...(options.schema === undefined ? {} : { search_path: `${quote(options.schema)}, public` }),
    },
  })
  return { client: client as postgres.Sql, server: `${url.host}${url.pathname}` }
}

/** A name as an SQL identifier. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function parseUrl(url: string | undefined, binding: string): URL {
  if (url === undefined) throw new UnmoorError('NotFound', `Binding "${binding}": set DATABASE_URL to the database, such as postgres://user:password@host:5432/database.`, { binding, operation: 'start' })
  try {
    const parsed = new URL(url)
    if (parsed.protocol === 'postgres:' || parsed.protocol === 'postgresql:') return parsed
  } catch {
    // Its message would print the url, and so the password.
  }
  throw new UnmoorError('InvalidArgument', `Binding "${binding}": the postgres driver needs a "url" such as postgres://user:password@host:5432/database.`, { binding, operation: 'start' })
}

async function load(binding: string): Promise<typeof postgres> {
  try {
    return (await import('postgres')).default
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UnmoorError('NotFound', `Binding "${binding}" uses the postgres driver, whose client is not installed. Run: npm install postgres`, { binding, operation: 'start', cause: error })
  }
}
