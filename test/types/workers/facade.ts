// Compiled, never run: the facade is assignable to Cloudflare's own interfaces. The globals here are
// Cloudflare's, as in a Worker's project, and core/compat/workers is compiled with them: the classes of the
// platform are the same ones on both sides.
import type { WorkersCache, WorkersCaches } from '../../../core/compat/workers/cache.ts'
import type { WorkerContext } from '../../../core/compat/workers/context.ts'
import type { Session, Statement, WorkersD1 } from '../../../core/compat/workers/d1.ts'
import type { DurableObjectId as ObjectId } from '../../../core/compat/workers/durable/id.ts'
import type { DurableObjectState as State } from '../../../core/compat/workers/durable/instance.ts'
import type { createNamespace } from '../../../core/compat/workers/durable/namespace.ts'
import type { Cursor, SqlStorage as Sql } from '../../../core/compat/workers/durable/sql.ts'
import type { Storage, SyncKv } from '../../../core/compat/workers/durable/storage.ts'
import type { Transaction } from '../../../core/compat/workers/durable/transaction.ts'
import type { HTMLRewriter as Rewriter } from '../../../core/compat/workers/html-rewriter.ts'
import type { WorkersKv } from '../../../core/compat/workers/kv.ts'
import type {
  createMessageBatch,
  Message as QueueMessage,
  WorkersQueue,
} from '../../../core/compat/workers/queue.ts'
import type { MultipartUpload } from '../../../core/compat/workers/r2-multipart.ts'
import type {
  Checksums,
  R2Object as StoredObject,
  R2ObjectBody as StoredBody,
} from '../../../core/compat/workers/r2-object.ts'
import type { WorkersR2 } from '../../../core/compat/workers/r2.ts'
import type { createAssetsFetcher } from '../../../core/compat/workers/assets.ts'
import type { createService } from '../../../core/compat/workers/service.ts'
import type { AnalyticsEngine } from '../../../core/compat/workers/analytics.ts'
import type { RateLimit as Limiter } from '../../../core/compat/workers/rate-limit.ts'
import type { createHyperdrive } from '../../../core/compat/workers/small-bindings.ts'

function assignable<To>(_value: To): void {}

// Each gap is checked twice: that all else is there, and (@ts-expect-error) that it is one still. At run time
// what they name is undefined.

/** Tracing goes to Cloudflare's observability, and a virtual host is one within workerd. */
type Context = Omit<ExecutionContext, 'tracing' | 'mapVirtualHost'>
/** Facets are objects of classes that are loaded at run time (`worker_loaders`), which a build refuses. */
type ObjectState = Omit<DurableObjectState, 'facets' | 'storage'> & { storage: ObjectStorage }
/** Classes of workerd's that nobody can construct; ours are no subclasses of them. */
type ObjectSql = Omit<SqlStorage, 'Cursor' | 'Statement'>
type ObjectStorage = Omit<DurableObjectStorage, 'sql'> & { sql: ObjectSql }

interface Stores {
  kv: WorkersKv
  r2: WorkersR2
  object: StoredObject
  body: StoredBody
  checksums: Checksums
  upload: MultipartUpload
  d1: WorkersD1
  session: Session
  statement: Statement
}

export function stores({ kv, r2, object, body, checksums, upload, d1, session, statement }: Stores): void {
  assignable<KVNamespace>(kv)
  assignable<R2Bucket>(r2)
  assignable<R2Object>(object)
  assignable<R2ObjectBody>(body)
  assignable<R2Checksums>(checksums)
  assignable<R2MultipartUpload>(upload)
  assignable<D1Database>(d1)
  assignable<D1DatabaseSession>(session)
  assignable<D1PreparedStatement>(statement)
}

export function queues(
  queue: WorkersQueue,
  batch: ReturnType<typeof createMessageBatch>,
  message: QueueMessage,
): void {
  assignable<Queue>(queue)
  assignable<MessageBatch>(batch)
  assignable<Message>(message)
}

export function web(cache: WorkersCache, caches: WorkersCaches, rewriter: Rewriter): void {
  assignable<Cache>(cache)
  assignable<CacheStorage>(caches)
  assignable<HTMLRewriter>(rewriter)
}

export function contexts(
  context: WorkerContext,
  service: ReturnType<typeof createService>,
  assets: ReturnType<typeof createAssetsFetcher>,
  hyperdrive: ReturnType<typeof createHyperdrive>,
  limiter: Limiter,
): void {
  assignable<Context>(context)
  // @ts-expect-error -- tracing
  assignable<Pick<ExecutionContext, 'tracing'>>(context)
  // @ts-expect-error -- mapVirtualHost
  assignable<Pick<ExecutionContext, 'mapVirtualHost'>>(context)
  assignable<Fetcher>(service)
  assignable<Fetcher>(assets)
  assignable<Hyperdrive>(hyperdrive)
  assignable<RateLimit>(limiter)
}

export function datasets(dataset: AnalyticsEngine): void {
  assignable<AnalyticsEngineDataset>(dataset)
}

interface Objects {
  namespace: ReturnType<typeof createNamespace>
  id: ObjectId
  state: State
  storage: Storage
  transaction: Transaction
  kv: SyncKv
  sql: Sql
  cursor: Cursor<{ id: number; name: string | null }>
}

export function objects({ namespace, id, state, storage, transaction, kv, sql, cursor }: Objects): void {
  assignable<DurableObjectNamespace>(namespace)
  assignable<DurableObjectId>(id)
  assignable<ObjectState>(state)
  // @ts-expect-error -- facets
  assignable<Pick<DurableObjectState, 'facets'>>(state)
  assignable<ObjectStorage>(storage)
  assignable<DurableObjectTransaction>(transaction)
  assignable<SyncKvStorage>(kv)
  assignable<ObjectSql>(sql)
  // @ts-expect-error -- Cursor
  assignable<Pick<SqlStorage, 'Cursor'>>(sql)
  // @ts-expect-error -- Statement
  assignable<Pick<SqlStorage, 'Statement'>>(sql)
  assignable<SqlStorageCursor<{ id: number; name: string | null }>>(cursor)
}

type IsAny<T> = 0 extends 1 & T ? true : false

/** No result is `any`, which would be assignable to everything above. */
export const anyResults: [
  IsAny<Awaited<ReturnType<WorkersKv['get']>>>,
  IsAny<Awaited<ReturnType<WorkersKv['getWithMetadata']>>>,
  IsAny<Awaited<ReturnType<WorkersKv['list']>>>,
  IsAny<Awaited<ReturnType<WorkersR2['get']>>>,
  IsAny<Awaited<ReturnType<WorkersR2['put']>>>,
  IsAny<Awaited<ReturnType<WorkersR2['list']>>>,
  IsAny<Awaited<ReturnType<WorkersR2['createMultipartUpload']>>>,
  IsAny<Awaited<ReturnType<WorkersD1['batch']>>>,
  IsAny<Awaited<ReturnType<Statement['all']>>>,
  IsAny<Awaited<ReturnType<Statement['first']>>>,
  IsAny<Awaited<ReturnType<Statement['raw']>>>,
  IsAny<Awaited<ReturnType<Storage['get']>>>,
  IsAny<Awaited<ReturnType<Storage['list']>>>,
  IsAny<ReturnType<SyncKv['get']>>,
  IsAny<ReturnType<ReturnType<Sql['exec']>['one']>>,
] = [false, false, false, false, false, false, false, false, false, false, false, false, false, false, false]
