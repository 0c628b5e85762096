/**
 * The contracts for adapters and drivers of others, held still: a member that is added, removed or becomes
 * required is an error here. What is asked of them changes with a major version only (before 1.0, a minor
 * one); a new optional member is added to the lists below.
 */
import type { Adapter, BuildContext, Capability, LocalRuntime, StartOptions } from 'unmoor/adapter'
import * as adapterExports from 'unmoor/adapter'
import type {
  AssetsDriver,
  BlobDriver,
  CacheDriver,
  CronStore,
  DriverContext,
  DriverFactory,
  KvDriver,
  QueueDriver,
  SecretDriver,
  ServiceDriver,
  SocketsDriver,
  SocketTransport,
  SqlDriver,
  StrongKvDriver,
  TicketedSocketsDriver,
} from 'unmoor/runtime'
import type * as runtimeExports from 'unmoor/runtime'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function check<_Is extends true>(): void {}

/** Names of members that must be there, and of those that may. */
type RequiredOf<T> = { [Name in keyof T]-?: {} extends Pick<T, Name> ? never : Name }[keyof T]
type OptionalOf<T> = Exclude<keyof T, RequiredOf<T>>

check<
  Equal<
    RequiredOf<Adapter>,
    'name' | 'capabilities' | 'nodeBuiltins' | 'conditions' | 'defaultDrivers' | 'build' | 'start' | 'migrate'
  >
>()
check<
  Equal<
    OptionalOf<Adapter>,
    | 'drivers'
    | 'options'
    | 'environmentOptions'
    | 'driverOptions'
    | 'code'
    | 'deploy'
    | 'expectations'
    | 'recordedMigrations'
  >
>()
check<Equal<RequiredOf<LocalRuntime>, 'url' | 'runtime' | 'pids' | 'stop' | 'exited'>>()
check<Equal<OptionalOf<LocalRuntime>, 'capabilities' | 'runCron' | 'socketUrls'>>()

// What an adapter is given may grow, and never shrinks.
type GivenToBuild =
  | 'projectDir'
  | 'outDir'
  | 'manifest'
  | 'drivers'
  | 'driverImports'
  | 'migrations'
  | 'assets'
  | 'options'
  | 'testChannel'
  | 'log'
  | 'bundle'
  | 'write'
  | 'copyAssets'
check<GivenToBuild extends keyof BuildContext ? true : false>()
check<
    | 'dir'
    | 'info'
    | 'dataDir'
    | 'port'
    | 'host'
    | 'variables'
    | 'testToken'
    | 'onOutput'
    | 'log' extends keyof StartOptions
    ? true
    : false
>()
check<
  'binding' | 'app' | 'declaration' | 'dataDir' | 'variable' | 'now' | 'native' extends keyof DriverContext
    ? true
    : false
>()

check<Equal<RequiredOf<KvDriver>, 'get' | 'put' | 'delete' | 'list'>>()
check<Equal<OptionalOf<KvDriver>, 'getMany' | 'close'>>()
check<Equal<Exclude<RequiredOf<StrongKvDriver>, keyof KvDriver>, 'getWithVersion' | 'putIf' | 'deleteIf'>>()
check<Equal<RequiredOf<BlobDriver>, 'head' | 'get' | 'put' | 'delete' | 'list'>>()
check<Equal<OptionalOf<BlobDriver>, 'uploads' | 'signedUrl' | 'close'>>()
check<Equal<RequiredOf<SqlDriver>, 'dialect' | 'query' | 'batch'>>()
check<
  Equal<OptionalOf<SqlDriver>, 'begin' | 'cursor' | 'exclusive' | 'limitGrowth' | 'limitResult' | 'close'>
>()
check<Equal<RequiredOf<QueueDriver>, 'send'>>()
check<
  Equal<
    OptionalOf<QueueDriver>,
    'receive' | 'settle' | 'extend' | 'depth' | 'age' | 'peek' | 'replay' | 'purge' | 'close'
  >
>()
check<Equal<RequiredOf<CacheDriver>, 'match' | 'put' | 'delete'>>()
check<Equal<RequiredOf<SecretDriver>, 'get'>>()
check<Equal<RequiredOf<ServiceDriver>, 'fetch'>>()
check<Equal<RequiredOf<AssetsDriver>, 'serve'>>()
check<Equal<RequiredOf<SocketsDriver>, 'listen' | 'broadcast' | 'send'>>()
check<Equal<OptionalOf<SocketsDriver>, 'isAlone' | 'close'>>()
check<Equal<Exclude<RequiredOf<TicketedSocketsDriver>, keyof SocketsDriver>, 'saveTicket' | 'takeTicket'>>()
check<
  Equal<
    RequiredOf<SocketTransport>,
    'accept' | 'send' | 'publish' | 'close' | 'setData' | 'subscribe' | 'unsubscribe'
  >
>()
check<Equal<OptionalOf<SocketTransport>, 'endpoint' | 'saveTicket' | 'ticketOf'>>()
check<Equal<RequiredOf<CronStore>, 'claim' | 'extend' | 'finish' | 'open' | 'latest'>>()
check<Equal<OptionalOf<CronStore>, 'close'>>()

// Written for today's contract: its parameters and answers must stay good enough.
const adapter: Adapter = {
  name: 'mine',
  capabilities: Object.fromEntries(
    Object.keys(adapterExports.CAPABILITIES).map((name) => [name, true]),
  ) as Record<Capability, boolean>,
  nodeBuiltins: ['buffer'],
  conditions: ['default'],
  defaultDrivers: { kv: { driver: 'memory' } },
  expectations: { 'kv-01': 'why' },
  async build(context: BuildContext): Promise<void> {
    const { imports, object }: { imports: string; object: string } = context.driverImports()
    const entry = `${imports}${object}${context.testChannel}${Object.keys(context.options).join()}`
    const { file, size }: { file: string; size: number } = await context.bundle({ entry, file: 'main.mjs' })
    await context.copyAssets('assets')
    await context.write('size', `${file} ${size}`)
  },
  start: async ({
    dir,
    port,
    variables,
  }: {
    dir: string
    port: number
    variables: Readonly<Record<string, string>>
  }): Promise<LocalRuntime> => ({
    url: `http://127.0.0.1:${port}`,
    runtime: dir + Object.keys(variables).join(),
    pids: [],
    exited: Promise.resolve(0),
    async stop(): Promise<void> {},
  }),
  migrate: async ({ url }: { url?: string | undefined }) => ({ db: { applied: [url ?? ''], already: [] } }),
}
const kv: DriverFactory<'kv', { url?: string }> = async (
  { url },
  context: { app: string; binding: string; now(): number },
): Promise<KvDriver> => ({
  get: async (key: string, _as: 'text' | 'bytes' | 'stream') =>
    key === '' ? null : { value: `${url}${context.app}${context.binding}${context.now()}` },
  put: async (
    _key: string,
    _value: string | Uint8Array<ArrayBuffer>,
    _options: { metadata?: string | undefined; expiration?: number | undefined },
  ) => {},
  delete: async (_key: string) => {},
  list: async (_options: { prefix: string; cursor?: string | undefined; limit: number }) => ({
    keys: [{ name: 'a' }],
  }),
})
const queue: QueueDriver = {
  send: async (
    messages: readonly {
      id: string
      contentType: 'json' | 'bytes'
      body: string | Uint8Array
      delaySeconds: number
    }[],
  ) => void messages,
  receive: async (_options: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }) => [{ id: 'a', lease: 'l', contentType: 'json', body: '{}', attempts: 1, timestamp: 0 }],
  settle: async (
    _settlements: readonly (
      | { lease: string; outcome: 'ack' }
      | { lease: string; outcome: 'retry'; delaySeconds: number }
    )[],
  ) => ({ dropped: [] }),
}
void [adapter, kv, queue]

// The values that run-time halves are made of.
check<
  Equal<
    keyof typeof runtimeExports,
    | 'addTopic'
    | 'constantCase'
    | 'consumeQueues'
    | 'consumedQueues'
    | 'createContext'
    | 'createRuntime'
    | 'driverKind'
    | 'handlesSocketEvent'
    | 'internalError'
    | 'migrate'
    | 'portableAssets'
    | 'portableBlob'
    | 'portableCache'
    | 'portableCounter'
    | 'portableKv'
    | 'portableObjects'
    | 'portableQueue'
    | 'portableSecret'
    | 'portableService'
    | 'portableSockets'
    | 'portableSql'
    | 'portableStrongKv'
    | 'portableTicketedSockets'
    | 'recordedMigrations'
    | 'runSocketEvent'
    | 'setDefaultVariables'
    | 'socketGone'
  >
>()
check<
  Equal<
    keyof typeof adapterExports,
    | 'ARTIFACT_FORMAT'
    | 'CAPABILITIES'
    | 'LIMITS'
    | 'NO_SOCKETS'
    | 'NODE_GLOBALS'
    | 'UnmoorError'
    | 'constantCase'
    | 'deployOptions'
    | 'isUnmoorError'
  >
>()
