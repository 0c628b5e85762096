// Compiled, never run: what the Cloudflare drivers read of the platform is what the platform's own types say.
// oxlint-disable-next-line import/no-unassigned-import -- what an app writes: it declares types
import '../../adapters/cloudflare/runtime/native-types.ts'
import type * as Workers from '@cloudflare/workers-types'
import type {
  NativeBatch,
  NativeContext,
  NativeController,
  NativeD1,
  NativeKv,
  NativeQueue,
  NativeR2,
} from '../../adapters/cloudflare/runtime/native.ts'
import type { BlobStore, Context, Kv, Queue, QueueBatch, Sockets, Sql } from '../../core/index.ts'

function assignable<To>(_value: To): void {}

interface Platform {
  kv: Workers.KVNamespace
  r2: Workers.R2Bucket
  d1: Workers.D1Database
  queue: Workers.Queue
  batch: Workers.MessageBatch
  context: Workers.ExecutionContext
  controller: Workers.ScheduledController
}

export function check({ kv, r2, d1, queue, batch, context, controller }: Platform): void {
  assignable<NativeKv>(kv)
  // Methods that pass streams or a Response are left out: the platform's types and the DOM's name different
  // classes for what is one at run time.
  assignable<Pick<NativeR2, 'head' | 'list' | 'delete'>>(r2)
  assignable<NativeD1>(d1)
  assignable<NativeQueue>(queue)
  assignable<NativeBatch>(batch)
  assignable<NativeContext>(context)
  assignable<NativeController>(controller)
}

/** Handlers written for Workers take what ours get. */
export function moves(batch: QueueBatch<string>, ctx: Context): void {
  const handler = (
    messages: Pick<Workers.MessageBatch<string>, 'queue' | 'messages' | 'ackAll' | 'retryAll'>,
    execution: Pick<Workers.ExecutionContext, 'waitUntil' | 'passThroughOnException' | 'props'>,
  ): void => void [messages, execution]
  handler(batch, ctx)
}

/**
 * `env.links.native` has the platform's own type once `unmoor/cloudflare/native` is imported; it may be
 * undefined, on other targets.
 */
export function native(kv: Kv, blobs: BlobStore, sql: Sql, queue: Queue<string>, sockets: Sockets): void {
  assignable<Workers.DurableObjectNamespace | undefined>(sockets.native)
  assignable<Workers.KVNamespace | undefined>(kv.native)
  assignable<Workers.R2Bucket | undefined>(blobs.native)
  assignable<Workers.D1Database | undefined>(sql.native)
  assignable<Workers.Queue | undefined>(queue.native)
  // @ts-expect-error -- there may be none
  assignable<Workers.KVNamespace>(kv.native)
}
