/**
 * Binding calls as data: the methods of each kind, a codec for their arguments and results, and an env whose
 * bindings call through a channel. The test channel carries them as JSON over HTTP; other bridges may use the
 * same methods with another codec.
 */
import { BlobObject } from '../bindings/blob-object.ts'
import { isStream } from '../bindings/bytes.ts'
import { type AnyDeclaration, type BindingKind, driverKind } from '../bindings/declarations.ts'
import type { BlobRecord } from '../bindings/drivers.ts'
import { type StrongKv, updateEntry, type Versioned } from '../bindings/strong-kv.ts'
import type { Sql } from '../bindings/sql.ts'
import { errorFromJSON, isUnmoorError, type SerializedError, UnmoorError } from '../errors.ts'
import type { Manifest } from '../manifest.ts'
import { addTransactions, type OpenTransactions, TRANSACTION_METHODS } from './transaction-channel.ts'

/**
 * Methods of each kind of binding that can be called over a channel, such as the test channel. Variables are
 * plain values without methods.
 */
export const BINDING_METHODS: Readonly<Record<Exclude<BindingKind, 'variable'>, readonly string[]>> = {
  kv: ['get', 'getWithMetadata', 'getMany', 'put', 'delete', 'list'],
  blob: [
    'head',
    'get',
    'put',
    'delete',
    'list',
    'copy',
    'startUpload',
    'uploadPart',
    'completeUpload',
    'abortUpload',
    'signedUrl',
  ],
  sql: ['all', 'first', 'value', 'run', 'raw', 'batch', ...TRANSACTION_METHODS],
  queue: ['send', 'sendBatch'],
  cache: ['match', 'put', 'delete'],
  secret: ['get'],
  service: ['fetch'],
  assets: ['fetch'],
  // Calls of Durable Objects' databases are synchronous, so bridges carry them in another way.
  objects: [],
  counter: ['take'],
  // A sockets binding's `accept` and `ticket` need the request that is being answered, which no channel
  // carries.
  sockets: ['send', 'publish', 'close', 'url'],
}

const STRONG_KV_METHODS = [...BINDING_METHODS.kv, 'getWithVersion', 'putIf', 'deleteIf']

/**
 * Returns the methods of one declared binding that a channel can call. Methods that take a function run on
 * the caller's side: {@link addCallerSide}.
 */
export function bindingMethods(declaration: AnyDeclaration): readonly string[] {
  const kind = driverKind(declaration)
  if (kind === undefined) return []
  if (kind === 'ticketedSockets') return BINDING_METHODS.sockets
  if (declaration.kind === 'queue' && declaration.operable === true)
    return [...BINDING_METHODS.queue, 'operate']
  return kind === 'strongKv' ? STRONG_KV_METHODS : BINDING_METHODS[kind]
}

/**
 * Adds the methods that run on the caller's side of a channel to a binding's stub: `update` of a strong kv,
 * `transaction` of a database.
 */
export function addCallerSide(
  declaration: AnyDeclaration,
  binding: string,
  stub: Record<string, unknown>,
  call: (method: string, args: unknown[]) => Promise<unknown>,
): void {
  if (declaration.kind === 'sql') addTransactions(binding, stub, call)
  if (driverKind(declaration) !== 'strongKv') return
  const update: StrongKv['update'] = (key, change, options) =>
    updateEntry(stub as unknown as Versioned, binding, key, change, options ?? {})
  stub['update'] = update
}

/** One call of a binding's method over a channel. */
export interface BindingCall {
  binding: string
  method: string
  args: unknown[]
}

type Tagged =
  | { $: 'undefined' }
  | { $: 'bytes' | 'buffer'; value: string }
  | { $: 'date'; value: number | null }
  | { $: 'map'; value: [unknown, unknown][] }
  | TaggedObject
type TaggedObject =
  | { $: 'object'; value: Record<string, unknown> }
  | { $: 'number'; value: string }
  | { $: 'blob'; record: BlobRecord; range: { offset: number; length: number }; body: unknown }
  | { $: 'response'; status: number; headers: [string, string][]; body: unknown }
  | { $: 'request'; method: string; url: string; headers: [string, string][]; body: unknown }

/**
 * Converts a value of a binding call to JSON-safe data. Streams, blobs, requests and responses are read to
 * their end.
 */
export async function encodeValue(value: unknown): Promise<unknown> {
  if (value === undefined) return { $: 'undefined' } satisfies Tagged
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    return { $: 'number', value: Object.is(value, -0) ? '-0' : String(value) } satisfies Tagged
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return { $: 'bytes', value: toBase64(value) } satisfies Tagged
  if (value instanceof ArrayBuffer)
    return { $: 'buffer', value: toBase64(new Uint8Array(value)) } satisfies Tagged
  if (ArrayBuffer.isView(value))
    return {
      $: 'bytes',
      value: toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)),
    } satisfies Tagged
  if (value instanceof Date) return { $: 'date', value: value.getTime() } satisfies Tagged
  if (value instanceof Map)
    return { $: 'map', value: (await encodeValue([...value])) as [unknown, unknown][] } satisfies Tagged
  if (isStream(value)) return encodeValue(new Uint8Array(await new Response(value).arrayBuffer()))
  if (value instanceof Blob) return encodeValue(new Uint8Array(await value.arrayBuffer()))
  if (value instanceof BlobObject) return encodeBlob(value)
  if (value instanceof Response) {
    return {
      $: 'response',
      status: value.status,
      headers: [...value.headers],
      body: await encodeValue(value.body === null ? null : await value.arrayBuffer()),
    } satisfies Tagged
  }
  if (value instanceof Request) {
    return {
      $: 'request',
      method: value.method,
      url: value.url,
      headers: [...value.headers],
      body: await encodeValue(value.body === null ? null : await value.arrayBuffer()),
    } satisfies Tagged
  }
  if (value instanceof URL) return value.href
  if (Array.isArray(value)) return Promise.all(value.map(encodeValue))
  const entries = await Promise.all(
    Object.entries(value).map(async ([key, item]) => [key, await encodeValue(item)] as const),
  )
  const object = Object.fromEntries(entries)
  return '$' in object ? ({ $: 'object', value: object } satisfies Tagged) : object
}

async function encodeBlob(blob: BlobObject): Promise<unknown> {
  const { key, size, etag, uploaded, httpMetadata, customMetadata, range } = blob
  const record: BlobRecord = { key, size, etag, uploaded: uploaded.getTime(), httpMetadata, customMetadata }
  return {
    $: 'blob',
    record,
    range: { ...range },
    body: blob.notModified ? null : await encodeValue(await blob.bytes()),
  } satisfies Tagged
}

/** Restores the value of a binding call that {@link encodeValue} described. */
export function decodeValue(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data
  if (Array.isArray(data)) return data.map(decodeValue)
  if (!('$' in data)) return decodeObject(data)
  const tagged = data as Tagged
  switch (tagged.$) {
    case 'undefined':
      return undefined
    case 'number':
      return Number(tagged.value)
    case 'bytes':
      return fromBase64(tagged.value)
    case 'buffer':
      return fromBase64(tagged.value).buffer
    case 'date':
      // The time of an invalid date is NaN, which JSON writes as null.
      return new Date(tagged.value ?? NaN)
    case 'map':
      return new Map(decodeValue(tagged.value) as [unknown, unknown][])
    case 'object':
      return decodeObject(tagged.value)
    case 'blob':
      return new BlobObject(
        tagged.record,
        decodeValue(tagged.body) as Uint8Array<ArrayBuffer> | null,
        tagged.range,
      )
    case 'response':
      return new Response(decodeValue(tagged.body) as ArrayBuffer | null, {
        status: tagged.status,
        headers: tagged.headers,
      })
    case 'request':
      return new Request(tagged.url, {
        method: tagged.method,
        headers: tagged.headers,
        body: decodeValue(tagged.body) as ArrayBuffer | null,
        redirect: 'manual',
      })
  }
  throw new UnmoorError(
    'InvalidArgument',
    `A value of a binding call has the unknown type ${JSON.stringify(data.$)}. Use the ` +
      'same version of unmoor on both sides.',
  )
}

function decodeObject(object: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, decodeValue(value)]))
}

/**
 * Converts any error of a binding call to plain data. An error that is no UnmoorError becomes `Internal` with
 * the same message.
 */
export function encodeError(error: unknown): SerializedError {
  if (isUnmoorError(error)) return error.toJSON()
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new UnmoorError('Internal', message, { cause: error }).toJSON()
}

/**
 * Calls a binding's method by name, for a channel. `transactions` are those that this caller has open.
 * @throws `InvalidArgument` for a binding or method that does not exist.
 */
export async function callBinding(
  manifest: Manifest,
  env: Readonly<Record<string, unknown>>,
  { binding, method, args }: BindingCall,
  transactions: OpenTransactions,
): Promise<unknown> {
  const declaration = Object.hasOwn(manifest.bindings, binding) ? manifest.bindings[binding] : undefined
  if (declaration === undefined || !bindingMethods(declaration).includes(method)) {
    throw new UnmoorError(
      'InvalidArgument',
      `There is no ${binding}.${method}(). Bindings: ${Object.keys(manifest.bindings).join(', ')}.`,
      {
        binding,
        operation: method,
      },
    )
  }
  if (TRANSACTION_METHODS.some((known) => known === method))
    return transactions.call(env[binding] as Sql, binding, method, args)
  const target = env[binding] as Record<string, (...args: unknown[]) => Promise<unknown>>
  return target[method]?.(...args)
}

/**
 * Returns an env whose bindings are called over a channel, through `call`. `values` holds its variables and
 * database dialects.
 */
export function createChannelEnv(
  manifest: Manifest,
  values: Readonly<Record<string, unknown>>,
  call: (call: BindingCall) => Promise<unknown>,
): Record<string, unknown> {
  const env: Record<string, unknown> = {}
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    if (declaration.kind === 'variable') {
      env[binding] = values[binding]
      continue
    }
    const stub: Record<string, unknown> = declaration.kind === 'sql' ? { dialect: values[binding] } : {}
    for (const method of bindingMethods(declaration))
      stub[method] = (...args: unknown[]) => call({ binding, method, args })
    addCallerSide(declaration, binding, stub, (method, args) => call({ binding, method, args }))
    env[binding] = stub
  }
  return env
}

/**
 * Returns the values that {@link createChannelEnv} needs: the app's variables, and the dialect of each
 * database.
 */
export function channelValues(
  manifest: Manifest,
  env: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [binding, { kind }] of Object.entries(manifest.bindings)) {
    if (kind === 'variable') values[binding] = env[binding]
    if (kind === 'sql') values[binding] = (env[binding] as { dialect: string }).dialect
  }
  return values
}

export { errorFromJSON }

function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // Bytes are converted to base64 in slices, since a call with millions of arguments overflows the stack.
  for (let at = 0; at < bytes.length; at += 0x8000)
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(binary)
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}
