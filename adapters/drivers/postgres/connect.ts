import type postgres from 'postgres'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { openSocket, readSecurity } from './socket.ts'
import { types } from './types.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import type { PostgresOptions } from './options.ts'

/** A Postgres server, for which pools of connections can be created. A pool connects at its first query. */
export interface Server {
  /** Host and database of the Postgres server without the password, for error messages. */
  readonly name: string
  /** Maximum number of connections of the Postgres pool that bindings share. */
  readonly max: number
  /** Creates a Postgres pool. `onLost` is called when an open connection ends. */
  pool(max: number, onLost?: () => void): postgres.Sql
}

/**
 * Reads the options of a Postgres server, without connecting yet.
 *
 * @throws `NotFound` if no url is set or the client package is not installed, `InvalidArgument` for an
 * invalid url.
 */
export async function connect(options: PostgresOptions, context: DriverContext): Promise<Server> {
  const { binding } = context
  const connectTimeout = toMilliseconds(options.connectTimeout ?? 10, 'connectTimeout', binding)
  const text = givenUrl(options.url ?? context.variable('DATABASE_URL'), binding)
  const url = parseUrl(text, binding)
  const create = await load(binding)
  // The client's types do not know its option.
  const socket = { socket: openSocket(readSecurity(url), connectTimeout) }
  return {
    name: `${url.host}${url.pathname}`,
    max: options.max ?? 10,
    pool: (max, onLost) =>
      create(text, {
        max,
        ...socket,
        ssl: false,
        prepare: options.prepare ?? true,
        connect_timeout: connectTimeout / 1000,
        // The Postgres client's default waits up to 20 s between connection attempts; a server that is back
        // should be used again soon.
        backoff: (failures: number) => (0.5 + Math.random() / 2) * Math.min(0.05 * 2 ** failures, 1),
        ...(options.idleTimeout === undefined ? {} : { idle_timeout: options.idleTimeout }),
        ...(onLost === undefined ? {} : { onclose: onLost, idle_timeout: 0, max_lifetime: null }),
        // If true, the Postgres client asks the server for its array types on every connection; no driver
        // needs them.
        fetch_types: false,
        types,
        // Postgres notices are ignored, because the client would print them by default.
        onnotice: () => {},
        connection: {
          application_name: 'unmoor',
          TimeZone: 'UTC',
          DateStyle: 'ISO',
          ...(options.schema === undefined ? {} : { search_path: `${quote(options.schema)}, public` }),
        },
      }),
  }
}

/** Quotes a name as an SQL identifier. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function givenUrl(url: string | undefined, binding: string): string {
  if (url !== undefined) return url
  throw new UnmoorError(
    'NotFound',
    `Binding "${binding}": set DATABASE_URL to the database, such as ` +
      'postgres://user:password@host:5432/database.',
    {
      binding,
      operation: 'start',
    },
  )
}

function parseUrl(url: string, binding: string): URL {
  try {
    const parsed = new URL(url)
    if (parsed.protocol === 'postgres:' || parsed.protocol === 'postgresql:') return parsed
  } catch {
    // The error of the Postgres client is dropped, because its message would print the url with the password.
  }
  throw new UnmoorError(
    'InvalidArgument',
    `Binding "${binding}": the postgres driver needs a "url" such as ` +
      'postgres://user:password@host:5432/database.',
    {
      binding,
      operation: 'start',
    },
  )
}

async function load(binding: string): Promise<typeof postgres> {
  try {
    return (await import('postgres')).default
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UnmoorError(
      'NotFound',
      `Binding "${binding}" uses the postgres driver, whose client is not installed. Run: npm install ` +
        'postgres',
      {
        binding,
        operation: 'start',
        cause: error,
      },
    )
  }
}
