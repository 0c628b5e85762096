/**
 * `unmoor/internal/data-route`: lets `unmoor data` read and write an app's kv, blob and sql bindings in a
 * deployment, `unmoor cron` list and run its crons, and `unmoor queue` look after its queues. Only builds
 * made with `--data-route` contain it; it answers to the secret `UNMOOR_DATA_TOKEN`, and to anybody else as
 * if it were not there.
 *
 * `POST /.unmoor/data` with JSON `{ op, ... }` answers `{ value }` or `{ error }`; `GET` and
 * `PUT /.unmoor/data/blob?binding=&key=` stream a blob.
 */
import type { App } from '../app.ts'
import type { BlobStore } from '../bindings/blob.ts'
import { type Bindings, secret } from '../bindings/declarations.ts'
import type { BlobHttpMetadata } from '../bindings/drivers.ts'
import type { Kv } from '../bindings/kv.ts'
import type { Sql, SqlStatement, SqlValue } from '../bindings/sql.ts'
import type { Secret } from '../bindings/secret.ts'
import type { Context } from '../context.ts'
import { invalidArgument } from '../errors.ts'
import { type CronRequest, listCrons, runCron } from './data-route-crons.ts'
import { answerQueue, type QueueRequest } from './data-route-queues.ts'
import { decodeValue, encodeError, encodeValue } from './rpc.ts'
import { isSameText } from './same-text.ts'

export { portableQueue } from './operable-queue.ts'

/** URL path of the data route. */
export const DATA_PATH = '/.unmoor/data'
/** The secret binding that holds the data route's token; its variable is `UNMOOR_DATA_TOKEN`. */
const TOKEN = 'unmoorDataToken'
/** Length of the shortest token that the data route accepts, since a shorter one could be guessed. */
const SHORTEST_TOKEN = 24
/**
 * Begin of the data route's message about an operation that it does not know. Clients recognise an older
 * deployment by it, so it never changes.
 */
export const NO_OPERATION = 'The data route has no operation'

/** The requests that the data route answers. */
export type DataRequest =
  | { op: 'bindings' }
  | { op: 'kv.list'; binding: string; prefix?: string; cursor?: string; limit: number }
  | { op: 'kv.get'; binding: string; keys: string[] }
  | { op: 'kv.put'; binding: string; entries: unknown }
  | { op: 'kv.delete'; binding: string; key: string }
  | { op: 'blob.list'; binding: string; startAfter?: string; limit: number }
  | { op: 'blob.head'; binding: string; key: string }
  | { op: 'blob.delete'; binding: string; keys: string[] }
  | { op: 'sql.raw'; binding: string; text: string; params: unknown }
  | { op: 'sql.batch'; binding: string; statements: unknown }
  | CronRequest
  | QueueRequest

/** One kv entry, as the operations `kv.get` and `kv.put` of the data route carry it. */
export interface DataEntry {
  key: string
  value: Uint8Array<ArrayBuffer>
  /** Metadata of the key-value entry as JSON text. */
  metadata?: string | undefined
  expiration?: number | undefined
}

/** Metadata of a blob, which travels with its bytes as percent-encoded JSON in the header `x-unmoor-blob`. */
export interface DataBlobHeader {
  httpMetadata: BlobHttpMetadata
  customMetadata: Record<string, string>
  sha256?: string
  ifMatch?: string
  ifNoneMatch?: '*'
}

export const BLOB_HEADER = 'x-unmoor-blob'

/** Returns the app with the data route in front of its own fetch handler. */
export function withDataRoute(app: App): App {
  const fetch = async (
    request: Request,
    env: Readonly<Record<string, unknown>>,
    ctx: Context,
  ): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if ((pathname === DATA_PATH || pathname === `${DATA_PATH}/blob`) && (await isAllowed(request, env)))
      return answer(app, request, env, ctx)
    return app.fetch === undefined
      ? new Response('Not Found', { status: 404 })
      : app.fetch(request, env as never, ctx)
  }
  return {
    ...app,
    bindings: { ...operable(app.bindings), [TOKEN]: secret() },
    fetch,
  }
}

/** Returns the bindings with queues that a channel lets the data route operate. */
function operable(bindings: Bindings): Bindings {
  return Object.fromEntries(
    Object.entries(bindings).map(([name, declaration]) => [
      name,
      declaration.kind === 'queue' ? { ...declaration, operable: true } : declaration,
    ]),
  )
}

/** True if the request has the token. The app answers any other one, so nothing shows that there is a route. */
async function isAllowed(request: Request, env: Readonly<Record<string, unknown>>): Promise<boolean> {
  const token = await (env[TOKEN] as Secret).get()
  return (
    token.length >= SHORTEST_TOKEN &&
    (await isSameText(request.headers.get('authorization') ?? '', `Bearer ${token}`))
  )
}

async function answer(
  app: App,
  request: Request,
  env: Readonly<Record<string, unknown>>,
  ctx: Context,
): Promise<Response> {
  try {
    if (new URL(request.url).pathname === `${DATA_PATH}/blob`)
      return await blobAnswer(app.bindings, request, env)
    const value = await call(app, (await request.json()) as DataRequest, env, ctx)
    return Response.json({ value: await encodeValue(value) })
  } catch (error) {
    return Response.json({ error: encodeError(error) }, { status: 422 })
  }
}

function bindingOf<T>(
  bindings: Bindings,
  env: Readonly<Record<string, unknown>>,
  name: string,
  kind: 'kv' | 'blob' | 'sql',
): T {
  if (!Object.hasOwn(bindings, name) || bindings[name]?.kind !== kind)
    throw invalidArgument({ binding: name, operation: 'data' }, `The app declares no ${kind} "${name}".`)
  return env[name] as T
}

async function call(
  app: App,
  request: DataRequest,
  env: Readonly<Record<string, unknown>>,
  ctx: Context,
): Promise<unknown> {
  const { bindings } = app
  switch (request.op) {
    case 'bindings':
      return Object.fromEntries(
        Object.entries(bindings).map(([name, declaration]) => [
          name,
          declaration.kind === 'sql'
            ? { ...declaration, dialect: (env[name] as Sql).dialect }
            : { ...declaration },
        ]),
      )
    case 'kv.list':
      return listEntries(bindingOf<Kv>(bindings, env, request.binding, 'kv'), request)
    case 'kv.get': {
      const kv = bindingOf<Kv>(bindings, env, request.binding, 'kv')
      const found = await Promise.all(
        request.keys.map(async (key): Promise<DataEntry | undefined> => {
          const { value, metadata, expiration } = await kv.getWithMetadata(key, 'arrayBuffer')
          if (value === null) return undefined
          const entry: DataEntry = { key, value: new Uint8Array(value) }
          if (metadata !== null) entry.metadata = JSON.stringify(metadata)
          if (expiration !== null) entry.expiration = expiration
          return entry
        }),
      )
      return found.filter((entry) => entry !== undefined)
    }
    case 'kv.put': {
      const kv = bindingOf<Kv>(bindings, env, request.binding, 'kv')
      const entries = decodeValue(request.entries) as DataEntry[]
      await Promise.all(
        entries.map(({ key, value, metadata, expiration }) =>
          kv.put(key, value, {
            ...(metadata === undefined ? {} : { metadata: JSON.parse(metadata) as unknown }),
            ...(expiration === undefined ? {} : { expiration }),
          }),
        ),
      )
      return undefined
    }
    case 'kv.delete':
      return bindingOf<Kv>(bindings, env, request.binding, 'kv').delete(request.key)
    case 'blob.list':
      return bindingOf<BlobStore>(bindings, env, request.binding, 'blob').list({
        limit: request.limit,
        ...(request.startAfter === undefined ? {} : { startAfter: request.startAfter }),
      })
    case 'blob.head':
      return bindingOf<BlobStore>(bindings, env, request.binding, 'blob').head(request.key)
    case 'blob.delete':
      return bindingOf<BlobStore>(bindings, env, request.binding, 'blob').delete(request.keys)
    case 'sql.raw':
      return bindingOf<Sql>(bindings, env, request.binding, 'sql').raw(
        request.text,
        decodeValue(request.params) as SqlValue[],
      )
    case 'sql.batch':
      return bindingOf<Sql>(bindings, env, request.binding, 'sql').batch(
        decodeValue(request.statements) as SqlStatement[],
      )
    case 'cron.list':
      return listCrons(app)
    case 'cron.run':
      return runCron(app, request.name, env, ctx)
    case 'queue.list':
    case 'queue.peek':
    case 'queue.replay':
    case 'queue.purge':
      return answerQueue(app, request, env)
  }
  const { op } = Object(request) as { op?: unknown }
  throw invalidArgument({ operation: 'data' }, `${NO_OPERATION} ${JSON.stringify(op)}.`)
}

async function listEntries(kv: Kv, request: Extract<DataRequest, { op: 'kv.list' }>): Promise<unknown> {
  const page = await kv.list({
    limit: request.limit,
    ...(request.prefix === undefined ? {} : { prefix: request.prefix }),
    ...(request.cursor === undefined ? {} : { cursor: request.cursor }),
  })
  // Version 0.1 of the `unmoor data` command expects a kv list to omit an expiration or metadata that is
  // null.
  const keys = page.keys.map(({ name, expiration, metadata }) => {
    return {
      name,
      ...(expiration === null ? {} : { expiration }),
      ...(metadata === null ? {} : { metadata }),
    }
  })
  return { ...page, keys }
}

async function blobAnswer(
  bindings: Bindings,
  request: Request,
  env: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const { searchParams } = new URL(request.url)
  const key = searchParams.get('key') ?? ''
  const blobs = bindingOf<BlobStore>(bindings, env, searchParams.get('binding') ?? '', 'blob')
  if (request.method === 'PUT') {
    const options = JSON.parse(decodeURIComponent(request.headers.get(BLOB_HEADER) ?? '')) as DataBlobHeader
    await blobs.put(key, request.body ?? new Uint8Array(0), options)
    return Response.json({ value: null })
  }
  const blob = await blobs.get(key)
  if (blob === null) return new Response(null, { status: 404, headers: { [BLOB_HEADER]: '' } })
  const { httpMetadata, customMetadata } = blob
  const header: DataBlobHeader = { httpMetadata: { ...httpMetadata }, customMetadata: { ...customMetadata } }
  return new Response(blob.body, {
    headers: {
      [BLOB_HEADER]: encodeURIComponent(JSON.stringify(header)),
      'content-type': 'application/octet-stream',
    },
  })
}
