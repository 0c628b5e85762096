/**
 * Statements of the report of `unmoor compare`, as data. Each has its proof: cases of the conformance suite,
 * or a constant that the runtime enforces.
 */
import type { BindingKind } from '../../bindings/declarations.ts'
import type { Capability } from '../../capabilities.ts'
import type { LimitName } from '../../limits.ts'
import { SOCKET_FACTS } from './socket-facts.ts'
import type { UseName } from './uses.ts'

/**
 * Proof of a statement in the report of `unmoor compare`: ids of cases, names of limits, or a fact of an
 * adapter (`code.fromText`).
 */
export interface Proof {
  readonly cases?: readonly string[]
  readonly limits?: readonly LimitName[]
  readonly adapter?: string
}

/** Effect of a capability on an app, when lost and when gained, and the uses that it concerns. */
export interface CapabilityFact {
  readonly cases: readonly string[]
  /** Names of the app features (`uses.ts`) that a capability concerns. */
  readonly uses: readonly UseName[]
  /** Advice for an app that loses the capability. */
  readonly lost: string
  /** What becomes possible for an app that gains the capability. */
  readonly gained: string
}

export const CAPABILITY_FACTS: Readonly<Record<Capability, CapabilityFact>> = {
  'request.streaming': {
    cases: ['handlers-67'],
    uses: ['request body as a stream'],
    lost:
      'The body is whole before the handler runs: code stays as it is, but memory and time to the ' +
      'first byte grow. Let clients upload to a blob store instead.',
    gained: 'Handlers see the first bytes before the client has sent the last.',
  },
  'request.abort': {
    cases: ['handlers-68'],
    uses: ['request.signal'],
    lost: '`request.signal` never aborts: bound the work by a time-out of your own (AbortSignal.timeout).',
    gained: '`request.signal` aborts when the client goes away.',
  },
  'request.large': {
    cases: ['handlers-64'],
    uses: ['request body'],
    lost:
      'Bodies of about 4.5 MB of binary data and more get a 413 from the platform: let clients put ' +
      'them into a blob store by themselves.',
    gained: 'Bodies over 6 MB are taken.',
  },
  'request.forms': {
    cases: ['handlers-178', 'handlers-179', 'handlers-180', 'handlers-181'],
    uses: ['form'],
    lost:
      'A form is read in another way where clients leave the common ground: take a file that is text for ' +
      'no file, decode %22 in names by hand, and do not rely on the type of a file that has none.',
    gained: 'Forms are read and written as browsers do.',
  },
  'response.large': {
    cases: ['handlers-65'],
    uses: ['large or streamed answers'],
    lost: 'An answer over the limit is a 5xx: hand out a link to a blob, or send it in parts.',
    gained: 'Answers may have any size.',
  },
  'response.streaming': {
    cases: ['handlers-66', 'answers-10', 'answers-50', 'fetch-25', 'service-53'],
    uses: ['large or streamed answers'],
    lost:
      'The client sees nothing before the handler has written the last byte: server-sent events and ' +
      'long downloads need another place.',
    gained: 'The client sees the first bytes before the handler has written the last.',
  },
  'http.keepWorkAfterAnswer': {
    cases: ['waitUntil-07'],
    uses: ['waitUntil'],
    lost:
      'The instance answers no other request until `waitUntil` work is done: keep it short, and put ' +
      'longer work into a queue.',
    gained: '`waitUntil` work goes on while other requests are answered.',
  },
  'blob.multipart': {
    cases: ['blob-41', 'blob-42', 'blob-43', 'blob-44', 'blob-45'],
    uses: ['blob upload in parts'],
    lost: '`startUpload()` throws Unsupported: put the whole body as a stream.',
    gained: 'A blob can be uploaded in parts by several requests.',
  },
  'blob.signedUrls': {
    cases: ['blob-46', 'blob-47'],
    uses: ['signed URL'],
    lost: '`signedUrl()` throws Unsupported: serve the blob by a route of the app.',
    gained: '`signedUrl()` lets clients read and write a blob without the app.',
  },
  'sql.interactiveTransactions': {
    cases: ['sql-46', 'sql-47', 'sql-48', 'sql-49', 'sql-50'],
    uses: ['sql transaction'],
    lost: '`transaction()` throws Unsupported: write it as a batch, whose statements are one transaction.',
    gained: '`transaction()` is there.',
  },
  'sql.each': {
    cases: ['sql-150', 'sql-151', 'sql-152', 'sql-153', 'sql-154', 'sql-155'],
    uses: ['sql each'],
    lost: '`each()` throws Unsupported: read pages with `WHERE id > ? ORDER BY id LIMIT ?`.',
    gained: '`each()` reads rows one after another, however many there are.',
  },
  'cache.shared': {
    cases: ['cache-d16'],
    uses: ['cache binding'],
    lost:
      'Each process has a cache of its own: more misses, and a delete reaches one process only. Let ' +
      'entries expire.',
    gained: 'All processes share the entries.',
  },
  'queue.exactAttempts': {
    cases: ['queue-10', 'queue-d07'],
    uses: ['message.attempts'],
    lost: '`attempts` may count too high after a crash: do not decide by its exact value.',
    gained: '`attempts` counts exactly.',
  },
  ...SOCKET_FACTS,
}

/**
 * A trait of a driver that an app notices when it uses the driver. A driver without such traits does exactly
 * what the binding's contract says.
 */
export interface DriverFact {
  readonly driver: string
  readonly kind: BindingKind | 'strongKv'
  /** Short name of a driver's trait; two drivers that both have it do not differ in it. */
  readonly trait: string
  readonly text: string
  readonly todo: string
  readonly proof: Proof
  /**
   * Name of the feature (`uses.ts`) that an app must use for a driver's trait to concern it. Default: the
   * trait concerns every app.
   */
  readonly use?: string
  /** True if the comparison report should also mention that a driver's trait goes away. Default: false. */
  readonly ends?: boolean
}

const STALE = {
  trait: 'stale reads',
  ends: true,
  todo:
    "Do not read back what was just written; where you must, declare kv({ consistency: 'strong' }). " +
    '`unmoor dev --strict` shows such code.',
  proof: { cases: ['kv-01', 'kv-25l'] },
}

const AS_THE_SERVER = {
  driver: 'redis',
  trait: 'durable as its server',
  ends: true,
  text:
    'Entries are as durable as the server is set: without the append-only file (appendonly yes) a ' +
    'restart loses them, with it a power cut may lose the last second, and a maxmemory-policy other ' +
    'than noeviction drops them when memory is full.',
  todo:
    'Turn on the append-only file and set maxmemory-policy noeviction, or keep only what can be ' +
    'made anew.',
  proof: { cases: ['kv-d29'] },
} as const

const ONE_MACHINE = {
  trait: 'one machine',
  ends: true,
  text:
    'The data lies in files of one machine: other machines do not see it, and a disk that is lost ' +
    'loses it.',
  todo: 'For several machines take postgres or redis (kv), postgres (sql) or s3 (blob).',
} as const

export const DRIVER_FACTS: readonly DriverFact[] = [
  { driver: 'cloudflare', kind: 'kv', ...STALE, text: 'Reads, also misses, may be up to a minute old.' },
  {
    driver: 'dynamodb',
    kind: 'kv',
    ...STALE,
    text: 'Reads may be a moment old (option `consistent` ends that, at twice the cost).',
  },
  {
    driver: 'dynamodb',
    kind: 'kv',
    trait: 'large values elsewhere',
    text: 'Values over 350 KB lie in S3, so one put is two writes.',
    todo: 'Give the driver a bucket.',
    proof: { cases: ['kv-27', 'kv-d27'] },
  },
  {
    driver: 'memory',
    kind: 'kv',
    trait: 'not durable',
    ends: true,
    text: 'Entries are gone when the process ends.',
    todo: 'Use it for tests only.',
    proof: { cases: ['kv-d29'] },
  },
  { ...AS_THE_SERVER, kind: 'kv' },
  { ...AS_THE_SERVER, kind: 'strongKv' },
  { ...ONE_MACHINE, driver: 'sqlite', kind: 'kv', proof: { cases: ['kv-d29'] } },
  { ...ONE_MACHINE, driver: 'sqlite', kind: 'strongKv', proof: { cases: ['kv-d29'] } },
  { ...ONE_MACHINE, driver: 'fs', kind: 'blob', proof: { cases: ['blob-d28'] } },
  {
    driver: 'cloudflare',
    kind: 'strongKv',
    trait: 'one place',
    text: 'Each key lives in a Durable Object in one location: a read from far away crosses the world.',
    todo: 'Nothing in the code; expect the latency.',
    proof: { cases: ['kv-25l'] },
  },
  {
    driver: 'cloudflare',
    kind: 'sql',
    trait: 'sqlite',
    text: 'The engine is D1, SQLite behind a network: each statement is a round trip.',
    todo: 'Put statements together in batch(). `unmoor check` names statements of another engine.',
    proof: { cases: ['sql-27', 'sql-31'] },
  },
  {
    driver: 'sqlite',
    kind: 'sql',
    trait: 'sqlite',
    text: 'The engine is SQLite, in the process, on one machine.',
    todo: '`unmoor check` names statements of another engine.',
    proof: { cases: ['sql-27'] },
  },
  {
    driver: 'redis',
    kind: 'queue',
    trait: 'durable as its file',
    ends: true,
    text:
      'Messages lie in the append-only file of the server, which it flushes each second unless told ' +
      'otherwise: a power cut may lose those of the last second.',
    todo: 'Set appendfsync always where that matters. The driver refuses a server without that file.',
    proof: { cases: ['queue-d17'] },
  },
  {
    driver: 'postgres',
    kind: 'sql',
    trait: 'postgres',
    text: 'The engine is Postgres: its types are strict, and LIKE minds the case.',
    todo: '`unmoor check` names statements of another engine; `unmoor data` moves the rows.',
    proof: { cases: ['sql-27', 'sql-43'] },
  },
  {
    driver: 'sqs',
    kind: 'queue',
    trait: 'approximate attempts',
    use: 'message.attempts',
    ends: true,
    text: '`attempts` comes from SQS, which counts approximately.',
    todo: 'Do not decide by its exact value.',
    proof: { cases: ['queue-10'] },
  },
  {
    driver: 'sqlite',
    kind: 'queue',
    trait: 'one machine',
    ends: true,
    text: 'The queue lives on one machine, as its consumers do.',
    todo: 'For several machines take postgres, redis or nats.',
    proof: { cases: ['queue-d17'] },
  },
  {
    driver: 'memory',
    kind: 'queue',
    trait: 'not durable',
    ends: true,
    text: 'Messages are gone when the process ends.',
    todo: 'Use it for tests only.',
    proof: { cases: ['queue-d17'] },
  },
  {
    driver: 'memory',
    kind: 'cache',
    trait: 'per process',
    ends: true,
    text: 'Each process keeps a cache of its own.',
    todo: 'For a shared one take the redis driver.',
    proof: { cases: ['cache-d16'] },
  },
  {
    driver: 'nats',
    kind: 'queue',
    trait: 'power cuts',
    text:
      'Messages are on disk up to two minutes after they were sent, also with `replicas: 3`, unless the ' +
      'servers have `sync_interval: always`.',
    todo: 'Set `sync_interval: always` in the jetstream block of each NATS server.',
    proof: { cases: ['queue-d17'] },
  },
]

/** Statements that hold on every target, with their proof: the end of every comparison report. */
export const SAME: readonly { readonly text: string; readonly kind?: BindingKind; readonly proof: Proof }[] =
  [
    {
      text: 'Handlers, their arguments and the shape of env',
      proof: { cases: ['runtime-01', 'runtime-03', 'cron-01', 'queue-09'] },
    },
    {
      text: 'The web API that handlers use',
      proof: { cases: ['runtime-05', 'runtime-12', 'runtime-17', 'runtime-20'] },
    },
    {
      text: 'kv: key order, limits, metadata, expiry',
      kind: 'kv',
      proof: { cases: ['kv-09', 'kv-11', 'kv-17', 'kv-18'], limits: ['kv.key', 'kv.value', 'kv.ttl.min'] },
    },
    {
      text: 'blob: conditions, ranges, checksums, metadata',
      kind: 'blob',
      proof: { cases: ['blob-13', 'blob-16', 'blob-19', 'blob-22'], limits: ['blob.key', 'blob.metadata'] },
    },
    {
      text: 'sql: batch is a transaction, integers are never rounded, errors have codes',
      kind: 'sql',
      proof: { cases: ['sql-06', 'sql-31', 'sql-32', 'sql-37'], limits: ['sql.params', 'sql.integer'] },
    },
    {
      text: 'queue: at least once, retries, delays, dead letters',
      kind: 'queue',
      proof: { cases: ['queue-12', 'queue-16', 'queue-20'], limits: ['queue.message', 'queue.delay'] },
    },
    {
      text: 'cache: what is stored, for how long, and what a match gives',
      kind: 'cache',
      proof: { cases: ['cache-03', 'cache-05', 'cache-10'] },
    },
    {
      text: 'sockets: who may connect, limits of messages and data, topics, errors',
      kind: 'sockets',
      proof: {
        cases: ['sockets-05', 'sockets-23', 'sockets-39', 'sockets-44'],
        limits: ['sockets.message', 'sockets.data', 'sockets.topics'],
      },
    },
    {
      text: 'secrets and variables: exact values, never printed',
      kind: 'secret',
      proof: { cases: ['secrets-05', 'secrets-08', 'secrets-12'], limits: ['secret.value'] },
    },
    {
      text: 'services: requests and answers as they are',
      kind: 'service',
      proof: { cases: ['service-01', 'service-07'], limits: ['service.headers'] },
    },
    {
      text: 'assets: paths, types, conditions',
      kind: 'assets',
      proof: { cases: ['assets-01', 'assets-03', 'assets-06'] },
    },
    {
      text: 'crons: five fields in UTC, under their names',
      proof: { cases: ['cron-03', 'cron-11'], limits: ['crons'] },
    },
  ]
