/** Packages that need a TCP connection or Node's HTTP to work at all, for targets that have neither. */
import { packageFolder } from './native-packages.ts'
import type { Offence } from './offence.ts'

const SQL = 'sql() on the driver "postgres"'
const REDIS = 'kv() or cache() on the driver "redis"'
const QUEUE = 'queue()'

/** Client packages, each with the binding that reaches the same server; undefined if no binding does. */
const CLIENTS: Readonly<Record<string, string | undefined>> = {
  pg: SQL,
  postgres: SQL,
  mysql: undefined,
  mysql2: undefined,
  mariadb: undefined,
  tedious: undefined,
  mongodb: undefined,
  'cassandra-driver': undefined,
  ioredis: REDIS,
  iovalkey: REDIS,
  '@redis/client': REDIS,
  '@valkey/client': REDIS,
  memjs: 'cache()',
  '@nats-io/transport-node': QUEUE,
  amqplib: QUEUE,
  kafkajs: QUEUE,
  mqtt: undefined,
  nodemailer: undefined,
  ldapjs: undefined,
}

/** SDKs that only send over Node's HTTP, each with an alternative for the same service that uses fetch. */
const SENDERS: Readonly<Record<string, string>> = {
  '@sentry/node': '@sentry/cloudflare',
  '@sentry/node-core': '@sentry/cloudflare',
}

/** Packages that extend the Postgres client `pg` and are useless without it. */
const ADDITIONS = new Set(['pg-query-stream', 'pg-cursor'])

/**
 * True if a package is the client of a server reached over TCP. A `browser` field that removes such a client
 * is meant for web pages: Workers have sockets, and a target without any refuses the client by name.
 */
export function isSocketClient(name: string): boolean {
  return Object.hasOwn(CLIENTS, name) || ADDITIONS.has(name)
}

/** Client packages that have a variant for Workers, which imports `cloudflare:sockets`. */
const FOR_WORKERS: ReadonlySet<string> = new Set(['pg', 'postgres'])

/**
 * Names of modules for TCP sockets. `cloudflare:sockets` is included because the isolate target takes the
 * Workers variant of clients.
 */
const SOCKETS = new Set(['net', 'node:net', 'tls', 'node:tls', 'cloudflare:sockets'])

const HTTP = new Set(['http', 'node:http', 'https', 'node:https'])

/**
 * Explains why an app cannot do without a built-in that a package imports: the package is a client over TCP
 * or over Node's HTTP, so every use would fail. Returns undefined for other packages, which may import `net`
 * for a part that the app never reaches. `isWorker` is true for an existing Worker, which has
 * `cloudflare:sockets`. Default: false.
 */
export function neededSocket({ kind, specifier, importer }: Offence, isWorker = false): string | undefined {
  const isHttp = HTTP.has(specifier)
  if ((kind !== 'builtin' && kind !== 'missing') || !(isHttp || SOCKETS.has(specifier))) return undefined
  const name = packageFolder(importer)
    ?.replace(/^.*[\\/]node_modules[\\/]/, '')
    .replaceAll('\\', '/')
  if (name === undefined) return undefined
  if (isHttp && Object.hasOwn(SENDERS, name))
    return `${name} sends by Node's HTTP; use one that sends by fetch, such as ${SENDERS[name] as string}`
  if (isHttp || !Object.hasOwn(CLIENTS, name)) return undefined
  if (isWorker && FOR_WORKERS.has(name)) return undefined
  const binding = CLIENTS[name]
  const instead = binding === undefined ? '' : `; the binding ${binding} reaches the same server`
  return `${name} connects by TCP${instead}`
}
