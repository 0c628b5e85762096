/** Drivers that access the stores of a deployed app through its data route. */
import type {
  BlobDriver,
  BlobRecord,
  KvDriver,
  KvEntry,
  SqlDialect,
  SqlResult,
} from '../../bindings/drivers.ts'
import { Sql, type SqlRawResult } from '../../bindings/sql.ts'
import { BLOB_HEADER, DATA_PATH, type DataBlobHeader, type DataEntry } from '../../runtime/data-route.ts'
import { encodeValue } from '../../runtime/rpc.ts'
import { createLive, type Live, type OpenBinding } from './live.ts'
import { RouteClient } from './route-client.ts'

/**
 * Opens the data route of the deployment at `url`, by which `unmoor data` reaches its bindings.
 *
 * @throws `Unavailable` if nothing answers; `PermissionDenied` if there is no data route for this token.
 */
export async function openDeployment(url: string, token: string, exclude: readonly string[]): Promise<Live> {
  const client = new RouteClient(url, token)
  const bindings = (await client.call({ op: 'bindings' })) as Record<
    string,
    { kind: string; dialect?: SqlDialect }
  >
  const open = new Map<string, OpenBinding>()
  for (const [name, { kind, dialect }] of Object.entries(bindings)) {
    if (kind === 'kv') open.set(name, { kind, driver: remoteKv(client, name) })
    if (kind === 'blob') open.set(name, { kind, driver: remoteBlob(client, name) })
    if (kind === 'sql') open.set(name, { kind, db: remoteSql(client, name, dialect ?? 'sqlite'), exclude })
  }
  return createLive(url, open, async () => {})
}

function remoteKv(client: RouteClient, binding: string): KvDriver {
  const entries = async (keys: readonly string[]): Promise<Map<string, KvEntry>> => {
    const found = (await client.call({ op: 'kv.get', binding, keys: [...keys] })) as DataEntry[]
    return new Map(found.map(({ key, ...entry }) => [key, entry]))
  }
  const puts = new Puts(
    async (some) => void (await client.call({ op: 'kv.put', binding, entries: await encodeValue(some) })),
  )
  return {
    get: async (key) => (await entries([key])).get(key) ?? null,
    getMany: entries,
    put: (key, value, options) =>
      puts.add({
        key,
        value: typeof value === 'string' ? new TextEncoder().encode(value) : value,
        ...options,
      }),
    delete: async (key) => void (await client.call({ op: 'kv.delete', binding, key })),
    async list({ prefix, cursor, limit }) {
      const page = (await client.call({
        op: 'kv.list',
        binding,
        limit,
        ...(prefix === '' ? {} : { prefix }),
        ...(cursor === undefined ? {} : { cursor }),
      })) as {
        keys: { name: string; metadata?: unknown; expiration?: number }[]
        cursor?: string
      }
      const keys = page.keys.map(({ name, metadata, expiration }) => ({
        name,
        metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
        expiration,
      }))
      return { keys, cursor: page.cursor }
    },
  }
}

/**
 * Maximum entries and bytes of one put request to the data route: Workers limit the calls of a store per
 * request, and front servers limit the body.
 */
const PUTS = 64
const PUT_BYTES = 2 * 1024 * 1024

/**
 * Batches kv puts to the data route, made in the same event-loop turn, into one request: a request for each
 * of a thousand entries would take a thousand round trips.
 */
class Puts {
  #send: (entries: readonly DataEntry[]) => Promise<void>
  #waiting: DataEntry[] = []
  #bytes = 0
  #sent: Promise<void> | undefined

  constructor(send: (entries: readonly DataEntry[]) => Promise<void>) {
    this.#send = send
  }

  add(entry: DataEntry): Promise<void> {
    const size = entry.value.byteLength
    if (this.#waiting.length >= PUTS || (this.#waiting.length > 0 && this.#bytes + size > PUT_BYTES))
      this.#sent = undefined
    if (this.#sent === undefined) {
      const entries: DataEntry[] = []
      this.#waiting = entries
      this.#bytes = 0
      this.#sent = Promise.resolve().then(() => {
        if (this.#waiting === entries) this.#sent = undefined
        return this.#send(entries)
      })
    }
    this.#waiting.push(entry)
    this.#bytes += size
    return this.#sent
  }
}

function remoteBlob(client: RouteClient, binding: string): BlobDriver {
  type Info = Omit<BlobRecord, 'uploaded'> & { uploaded: Date }
  const toRecord = (info: Info): BlobRecord => ({ ...info, uploaded: new Date(info.uploaded).getTime() })
  const path = (key: string): string =>
    `${DATA_PATH}/blob?binding=${encodeURIComponent(binding)}&key=${encodeURIComponent(key)}`
  return {
    async head(key) {
      const info = (await client.call({ op: 'blob.head', binding, key })) as Info | null
      return info === null ? null : toRecord(info)
    },
    async get(key) {
      const record = await this.head(key)
      if (record === null) return null
      const response = await client.fetch(path(key), { method: 'GET' })
      return response.status === 404 ? null : { record, body: response.body ?? new Uint8Array(0) }
    },
    async put(key, body, { httpMetadata, customMetadata, sha256, ifMatch, ifNoneMatch }) {
      const header: DataBlobHeader = {
        httpMetadata,
        customMetadata,
        ...(sha256 === undefined ? {} : { sha256 }),
        ...(ifMatch === undefined ? {} : { ifMatch }),
        ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: '*' }),
      }
      const init = {
        method: 'PUT',
        headers: { [BLOB_HEADER]: encodeURIComponent(JSON.stringify(header)) },
        body: body as BodyInit,
        duplex: 'half',
      }
      await client.fetch(path(key), init)
      return { key, size: 0, etag: '', uploaded: 0, httpMetadata, customMetadata }
    },
    delete: async (keys) => void (await client.call({ op: 'blob.delete', binding, keys: [...keys] })),
    async list({ startAfter, limit }) {
      const page = (await client.call({
        op: 'blob.list',
        binding,
        limit,
        ...(startAfter === undefined ? {} : { startAfter }),
      })) as {
        blobs: Info[]
        cursor?: string
      }
      return { blobs: page.blobs.map(toRecord), prefixes: [], cursor: page.cursor }
    },
  }
}

/**
 * Creates a portable Sql class over a deployment's data route. For Postgres, the class writes placeholders as
 * `$1`; they are sent in the portable form `?1`, because the Sql class of the deployment converts them again.
 */
function remoteSql(client: RouteClient, binding: string, dialect: SqlDialect): Sql {
  const toResult = ({ columns, rows, changes, lastRowId }: SqlRawResult): SqlResult => ({
    columns,
    rows,
    changes,
    lastRowId,
  })
  const portable = (text: string): string =>
    dialect === 'postgres' ? text.replaceAll(/\$(\d+)/g, '?$1') : text
  return new Sql(
    {
      dialect,
      async query({ text, params }) {
        return toResult(
          (await client.call({
            op: 'sql.raw',
            binding,
            text: portable(text),
            params: await encodeValue(params),
          })) as SqlRawResult,
        )
      },
      async batch(queries) {
        const statements = await encodeValue(
          queries.map(({ text, params }) => ({ text: portable(text), params })),
        )
        return ((await client.call({ op: 'sql.batch', binding, statements })) as SqlRawResult[]).map(toResult)
      },
    },
    { binding },
  )
}
