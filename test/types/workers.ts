// Compiled, never run: the facade is assignable to Cloudflare's own interfaces.
import type * as Workers from '@cloudflare/workers-types'
import type { WorkersCache } from '../../core/workers/cache.ts'
import type { WorkerContext } from '../../core/workers/context.ts'
import type { Session, Statement, WorkersD1 } from '../../core/workers/d1.ts'
import type { WorkersKv } from '../../core/workers/kv.ts'
import type { WorkersQueue } from '../../core/workers/queue.ts'
import type { MultipartUpload } from '../../core/workers/r2-multipart.ts'
import type { R2Object, R2ObjectBody } from '../../core/workers/r2-object.ts'
import type { WorkersR2 } from '../../core/workers/r2.ts'
import type { RateLimit } from '../../core/workers/small-bindings.ts'

function assignable<To>(_value: To): void {}

export function check(
  kv: WorkersKv,
  d1: WorkersD1,
  session: Session,
  statement: Statement,
  queue: WorkersQueue,
  limiter: RateLimit,
  context: WorkerContext,
  r2: WorkersR2,
  object: R2Object,
  body: R2ObjectBody,
  upload: MultipartUpload,
  cache: WorkersCache,
): void {
  assignable<Omit<Workers.KVNamespace, 'put'>>(kv)
  assignable<(key: string, value: string | ArrayBuffer | ArrayBufferView, options?: Workers.KVNamespacePutOptions) => Promise<void>>((key, value, options) =>
    kv.put(key, value, options),
  )
  assignable<Workers.D1Database>(d1)
  assignable<Workers.D1DatabaseSession>(session)
  assignable<Workers.D1PreparedStatement>(statement)
  assignable<Workers.Queue>(queue)
  assignable<Workers.RateLimit>(limiter)
  // Of newer members, tracing and virtual hosts are Cloudflare's own.
  assignable<Omit<Workers.ExecutionContext, 'tracing' | 'mapVirtualHost'>>(context)
  // Methods that pass streams, headers, blobs or a Response are left out: the platform's types and the DOM's name different classes for what is one at run time.
  assignable<Omit<Workers.R2Object, 'writeHttpMetadata'>>(object)
  assignable<Omit<Workers.R2ObjectBody, 'writeHttpMetadata' | 'body' | 'blob'>>(body)
  assignable<Pick<Workers.R2Bucket, 'delete' | 'resumeMultipartUpload'>>(r2)
  assignable<Omit<Workers.R2MultipartUpload, 'uploadPart' | 'complete'>>(upload)
  // As the Worker calls them, with its own classes.
  const used: Workers.R2MultipartUpload['abort'] = () => upload.abort()
  assignable<() => Promise<void>>(used)
  assignable<(key: string) => Promise<Omit<Workers.R2Object, 'writeHttpMetadata'> | null>>((key) => r2.head(key))
  assignable<(url: string) => Promise<Response | undefined>>((url) => cache.match(url))
}
