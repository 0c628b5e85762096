import { installEncodeBody } from './encode-body.ts'
import { Md5 } from './md5.ts'
import { FixedLengthStream, IdentityTransformStream, installReadAtLeast, toBytes } from './byte-transform.ts'
import { WorkersCache, WorkersCaches } from './cache.ts'
import { EventSource } from './event-source.ts'
import { bufferCompression } from './compression.ts'
import { ErrorEvent, globalTarget, reportError } from './global-target.ts'
import { ExtendableEvent, FetchEvent, ScheduledEvent } from './events.ts'
import { keepLengths } from './known-length.ts'
import { asInterface } from './interface.ts'
import { installHeaderText } from './header-text.ts'
import { extendRequest } from './request-extras.ts'
import { extendStreamSources } from './stream-sources.ts'

/**
 * Installs the globals of Workers that the web or a target lacks. HTMLRewriter is installed separately, only
 * for Workers that use it, because it is large. `Cloudflare.compatibilityFlags` has the flags of the wrangler
 * file, and not those that are on by the compatibility date.
 */
export function installGlobals(compatibilityFlags: readonly string[]): void {
  extendFetch()
  define(globalThis, 'caches', new WorkersCaches())
  define(globalThis, 'Cache', WorkersCache)
  define(globalThis, 'CacheStorage', WorkersCaches)
  define(globalThis, 'navigator', new Navigator())
  define(globalThis, 'Navigator', Navigator)
  define(globalThis, 'scheduler', new Scheduler())
  define(globalThis, 'IdentityTransformStream', IdentityTransformStream)
  define(globalThis, 'FixedLengthStream', FixedLengthStream)
  installReadAtLeast()
  keepLengths()
  extendStreamSources()
  bufferCompression()
  for (const name of ['WebSocketPair', 'WebSocketRequestResponsePair'])
    define(
      globalThis,
      name,
      refused(
        name,
        'Of the other targets node and isolate take them, where a build finds the name; use server-sent ' +
          'events.',
      ),
    )
  const flags = Object.fromEntries(compatibilityFlags.map((flag) => [flag, true]))
  define(globalThis, 'Cloudflare', Object.freeze({ compatibilityFlags: Object.freeze(flags) }))
  define(crypto, 'DigestStream', DigestStream)
  addMd5()
  define(crypto.subtle, 'timingSafeEqual', timingSafeEqual)
  for (const name of OF_BROWSERS) Reflect.deleteProperty(globalThis, name)
  defineMissing('self', globalThis)
  defineMissing('ErrorEvent', ErrorEvent)
  if (Reflect.get(globalThis, 'addEventListener') === undefined)
    for (const [name, method] of Object.entries(globalTarget)) define(globalThis, name, method)
  defineMissing('ExtendableEvent', ExtendableEvent)
  define(globalThis, 'FetchEvent', FetchEvent)
  define(globalThis, 'ScheduledEvent', ScheduledEvent)
  defineMissing('reportError', reportError)
  defineMissing('EventSource', EventSource)
}

/**
 * Globals that Node has and Workers lack; they are removed because libraries take them for signs of a
 * browser.
 */
const OF_BROWSERS = ['localStorage', 'sessionStorage', 'Storage']

/** Adds the legacy method getAll to Headers, which Workers have kept for Set-Cookie only. */
function defineGetAll(): void {
  if ('getAll' in Headers.prototype) return
  define(Headers.prototype, 'getAll', function getAll(this: Headers, name: unknown): string[] {
    if (String(name).toLowerCase() === 'set-cookie') return this.getSetCookie()
    throw new TypeError('getAll() can only be used with the header name "Set-Cookie".')
  })
}

/** Defines a global of Workers unless the target has its own, which then stays. */
function defineMissing(name: string, value: unknown): void {
  if (Reflect.get(globalThis, name) === undefined) define(globalThis, name, value)
}

/** The global class Request after unmoor last extended it; another one needs to be extended too. */
let extended: typeof Request | undefined

/**
 * Extends Request, Response and fetch as Workers do. Runs again if a target has replaced the global Request.
 */
export function extendFetch(): void {
  if (globalThis.Request === extended) return
  defineGetAll()
  if (extended === undefined) installHeaderText()
  extendRequest()
  installEncodeBody()
  extended = globalThis.Request
}

function define(holder: object, name: string, value: unknown): void {
  Object.defineProperty(holder, name, { value, writable: true, configurable: true, enumerable: false })
}

/**
 * Returns a stand-in for a Cloudflare-only global, also usable as a class, that throws an error naming the
 * unsupported feature.
 */
function refused(name: string, instead: string): unknown {
  return function refuse(): never {
    throw new Error(`${name} is not supported outside of Cloudflare. ${instead}`)
  }
}

/** `navigator` of Workers. */
class Navigator {
  readonly userAgent = 'Cloudflare-Workers'
  readonly language = 'en'
  readonly languages = Object.freeze(['en'])
  readonly platform = 'Linux x86_64'
  readonly hardwareConcurrency = 1

  sendBeacon(): never {
    throw new Error('navigator.sendBeacon is not supported outside of Cloudflare. Use fetch.')
  }
}
asInterface(Navigator, 'Navigator')

/** `scheduler` of Workers. */
class Scheduler {
  wait(ms: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    return wait(ms, options.signal)
  }
}
asInterface(Scheduler, 'Scheduler')

/** Adds MD5, which Workers have for old protocols, to `crypto.subtle.digest`. */
function addMd5(): void {
  const own = crypto.subtle.digest.bind(crypto.subtle)
  const digest: typeof own = async (algorithm, data) => {
    const { name } = typeof algorithm === 'string' ? { name: algorithm } : algorithm
    if (String(name).toUpperCase() !== 'MD5') return own(algorithm, data)
    const md5 = new Md5()
    md5.update(toBytes(data))
    return md5.digest().buffer
  }
  define(crypto.subtle, 'digest', digest)
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error)
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    })
  })
}

const DIGESTS = new Set(['MD5', 'SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'])

/**
 * `crypto.DigestStream` of Workers: computes the digest of its bytes when it is closed. Only MD5 is
 * incremental; for other algorithms the bytes are buffered, since Web Crypto needs them whole.
 */
class DigestStream extends WritableStream<Uint8Array | ArrayBuffer | string> {
  readonly digest: Promise<ArrayBuffer>
  #written: { bytes: number }

  constructor(algorithm: string | { name: string }) {
    const name = String(typeof algorithm === 'string' ? algorithm : algorithm.name).toUpperCase()
    if (!DIGESTS.has(name))
      throw new DOMException('Unrecognized or unimplemented digest algorithm requested.', 'NotSupportedError')
    const { promise, resolve, reject } = Promise.withResolvers<ArrayBuffer>()
    promise.catch(() => {})
    const md5 = name === 'MD5' ? new Md5() : undefined
    const chunks: Uint8Array[] = []
    const written = { bytes: 0 }
    super({
      write(chunk) {
        const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : toBytes(chunk)
        written.bytes += bytes.byteLength
        if (md5 === undefined) chunks.push(bytes.slice())
        else md5.update(bytes)
      },
      async close() {
        resolve(
          md5 === undefined
            ? await crypto.subtle.digest(name, await new Blob(chunks as BlobPart[]).arrayBuffer())
            : md5.digest().buffer,
        )
      },
      abort: (reason) => reject(reason),
    })
    this.digest = promise
    this.#written = written
  }

  get bytesWritten(): bigint {
    return BigInt(this.#written.bytes)
  }
}

/**
 * `crypto.subtle.timingSafeEqual` of Workers: compares bytes in constant time. @throws `TypeError` if the
 * lengths differ, as on Workers.
 */
function timingSafeEqual(a: ArrayBuffer | ArrayBufferView, b: ArrayBuffer | ArrayBufferView): boolean {
  const x = toBytes(a)
  const y = toBytes(b)
  if (x.byteLength !== y.byteLength) throw new TypeError('Input buffers must have the same byte length')
  let difference = 0
  for (let index = 0; index < x.byteLength; index++) difference |= (x[index] as number) ^ (y[index] as number)
  return difference === 0
}
