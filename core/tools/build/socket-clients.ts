/** Packages that are nothing without a TCP connection or Node's HTTP, for targets that have none. */
import { packageFolder } from './native-packages.ts'
import type { Offence } from './offence.ts'

const SQL = 'sql() on the driver "postgres"'
const REDIS = 'kv() or cache() on the driver "redis"'
const QUEUE = 'queue()'

/** The client's package, and the binding that stands for its server, where there is one. */
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

/** SDKs that send by Node's HTTP alone, and one for the same service that sends by fetch. */
const SENDERS: Readonly<Record<string, string>> = {
  '@sentry/node': '@sentry/cloudflare',
  '@sentry/node-core': '@sentry/cloudflare',
}

/** What adds to a client and is nothing without it. */
const ADDITIONS = new Set(['pg-query-stream', 'pg-cursor'])

/**
 * True if a package is the client of a server that is reached by TCP. A `browser` field that takes it away
 * speaks of pages: a Worker has sockets, and a target without any refuses it by name.
 */
export function isSocketClient(name: string): boolean {
  return Object.hasOwn(CLIENTS, name) || ADDITIONS.has(name)
}

/** Clients with a half for Workers, which takes `cloudflare:sockets`. */
const FOR_WORKERS: ReadonlySet<string> = new Set(['pg', 'postgres'])

/** Cloudflare's own module too: clients have a half for Workers, which the isolate target takes. */
const SOCKETS = new Set(['net', 'node:net', 'tls', 'node:tls', 'cloudflare:sockets'])

const HTTP = new Set(['http', 'node:http', 'https', 'node:https'])

/**
 * Why an app cannot do without a module that one of its packages imports: the package is the client of a
 * server that is reached by TCP or by Node's HTTP, so every use of it would fail. Undefined for all other
 * packages, which may import `net` for a part that the app never reaches. `isWorker`: an existing Worker has
 * sockets of another kind. Default: false.
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
