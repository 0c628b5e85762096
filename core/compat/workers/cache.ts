import type { Cache } from '../../bindings/cache.ts'
import { answerFrom } from './cache-answer.ts'
import { wrongArgument } from './coerce.ts'
import { isManual } from './encode-body.ts'
import { asInterface } from './interface.ts'
import { cfOf } from './request-extras.ts'
import { currentSpec, portable } from './state.ts'

interface MatchOptions {
  ignoreMethod?: boolean
}

/** Cloudflare's Cache over a cache binding: https://developers.cloudflare.com/workers/runtime-apis/cache/ */
export class WorkersCache {
  #name: string | undefined

  constructor(name?: string) {
    this.#name = name
  }

  async match(input: RequestInfo | URL, options: MatchOptions = {}): Promise<Response | undefined> {
    const request = this.#key(input)
    const method = options.ignoreMethod === true ? 'GET' : request.method
    if (method !== 'GET') return undefined
    const found = await cache().match(new Request(request.url))
    if (found === undefined) return undefined
    const stored = new Headers(found.headers)
    stored.set('age', String(ageOf(stored)))
    const own = stored.get(OWN_CONTROL)
    if (own !== null) {
      stored.delete(OWN_CONTROL)
      if (own === '') stored.delete('cache-control')
      else stored.set('cache-control', own)
    }
    const { status, statusText } = found
    const { body, length } = await measure(found.body)
    if (length !== undefined && !stored.has('content-encoding')) stored.set('content-length', String(length))
    const answer = await answerFrom(
      request.headers,
      new Response(body, { status, statusText, headers: stored }),
    )
    const headers = new Headers(answer.headers)
    headers.set('cf-cache-status', 'HIT')
    return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers })
  }

  /**
   * `cache.put`: stores a response. @throws `TypeError` as Workers do, for methods other than GET, for a 206
   * and for `Vary: *`.
   */
  async put(input: RequestInfo | URL, response: Response): Promise<void> {
    const request = this.#key(input)
    if (!(response instanceof Response)) throw wrongArgument('Cache', 'put', 2, 'Response')
    if (request.method !== 'GET') throw new TypeError('Cannot cache response to non-GET request.')
    if (response.status === 206)
      throw new TypeError('Cannot cache response to a range request (206 Partial Content).')
    if (
      response.headers
        .get('vary')
        ?.split(',')
        .some((name) => name.trim() === '*')
    )
      throw new TypeError("Cannot cache response with 'Vary: *' header.")
    if (response.bodyUsed) throw new TypeError("The answer's body is used already. Put response.clone().")
    const kept = storable(response)
    if (kept === undefined) await response.body?.cancel()
    else await cache().put(new Request(request.url), kept)
  }

  async delete(input: RequestInfo | URL, options: MatchOptions = {}): Promise<boolean> {
    const request = this.#key(input)
    if (request.method !== 'GET' && options.ignoreMethod !== true) return false
    return cache().delete(new Request(request.url))
  }

  /**
   * Returns the request under which a response is cached. The URL has a host name of its own for each named
   * cache, so that one backend serves all.
   */
  #key(input: RequestInfo | URL): Request {
    const request = input instanceof Request ? input : new Request(input)
    const { cacheKey } = (cfOf(request) ?? {}) as { cacheKey?: unknown }
    const key = typeof cacheKey === 'string' && cacheKey !== '' ? keyUrl(cacheKey) : request.url
    if (this.#name === undefined && key === request.url) return request
    const { method, headers } = request
    if (this.#name === undefined) return new Request(key, { method, headers })
    const url = new URL(key)
    const bytes = [...new TextEncoder().encode(this.#name)]
    const host = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('') || 'x'
    const named = `http://${host}.cache.invalid/${url.host}${url.pathname}${url.search}`
    return new Request(named, { method, headers })
  }
}

/**
 * Converts the option `cf.cacheKey` to a URL. A key that is a URL names the same entry as a request of that
 * URL.
 */
function keyUrl(cacheKey: string): string {
  const url = /^https?:/i.test(cacheKey) && URL.canParse(cacheKey) ? new URL(cacheKey) : undefined
  return url?.href ?? `http://key.cache.invalid/${encodeURIComponent(cacheKey.toWellFormed())}`
}

/** Age of a cached response in seconds: its Age header, and the time since its Date. */
function ageOf(headers: Headers): number {
  const since = Math.floor((Date.now() - Date.parse(headers.get('date') ?? '')) / 1000)
  return (Number.parseInt(headers.get('age') ?? '', 10) || 0) + (since > 0 ? since : 0)
}

function cache(): Cache {
  return portable<Cache>(currentSpec().cache)
}

/** Header that keeps the original Cache-Control of a response that is stored with a different one. */
const OWN_CONTROL = 'unmoor-own-cache-control'

/** Statuses of responses that Cloudflare's cache stores if they state a lifetime. */
const STORED = new Set([200, 203, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501])
/**
 * Statuses that Cloudflare's cache also stores if only Last-Modified is given, for a tenth of the time since
 * then.
 */
const STORED_BY_AGE = new Set([200, 203, 300, 301, 308, 404, 405, 410, 414, 501])

/**
 * Returns a response as the cache stores it, with the Date from which its age counts; undefined if it may not
 * be cached. As on Cloudflare, a response with Set-Cookie is stored without the cookie if its Cache-Control
 * says `private=Set-Cookie`. Without max-age, `Expires` counts, and then a tenth of the time since
 * `Last-Modified`.
 */
function storable(given: Response): Response | undefined {
  if (!STORED.has(given.status)) return undefined
  const response = decodedManual(given)
  const headers = new Headers(response.headers)
  if (!headers.has('date')) headers.set('date', new Date().toUTCString())
  const control = headers.get('cache-control') ?? ''
  if (/private\s*=\s*"?set-cookie"?/i.test(control)) {
    headers.delete('set-cookie')
    headers.set(
      'cache-control',
      control.replace(/,?\s*private\s*=\s*"?set-cookie"?/i, '').replace(/^,\s*/, ''),
    )
  }
  const said = maxAgeOf(headers)
  const left = (said ?? lifetimeOf(response)) - ageOf(headers)
  // A response without any lifetime has NaN seconds left, so the cache does not store it.
  if (!(left > 0)) return undefined
  if (said === undefined) {
    headers.set(OWN_CONTROL, headers.get('cache-control') ?? '')
    headers.append('cache-control', `max-age=${left}`)
  }
  return new Response(response.body, { status: response.status, headers })
}

/**
 * Returns the lifetime in seconds that a response's Cache-Control sets for shared caches; undefined if none.
 */
function maxAgeOf(headers: Headers): number | undefined {
  const control = headers.get('cache-control') ?? ''
  const found = /\bs-maxage\s*=\s*"?(\d+)/i.exec(control) ?? /\bmax-age\s*=\s*"?(\d+)/i.exec(control)
  return found === null ? undefined : Number(found[1])
}

/** Lifetime in the cache, in seconds, of a response without max-age; NaN if no header states one. */
function lifetimeOf({ status, headers }: Response): number {
  const expires = headers.get('expires')
  if (expires !== null) return Math.floor((Date.parse(expires) - Date.now()) / 1000)
  const modified = Date.parse(headers.get('last-modified') ?? '')
  return STORED_BY_AGE.has(status) ? Math.floor((Date.now() - modified) / 10_000) : NaN
}

/** Largest body in bytes that the cache buffers to find its length. */
const MEASURED = 1024 * 1024

/** Returns a body for the cache, with its length if that is at most {@link MEASURED}. */
async function measure(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): Promise<{ body: BodyInit | null; length?: number }> {
  if (body === null) return { body, length: 0 }
  const reader = body.getReader()
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  while (length <= MEASURED) {
    const { done, value } = await reader.read()
    if (done) return { body: new Blob(chunks), length }
    chunks.push(value)
    length += value.byteLength
  }
  const rest = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { done, value = chunks.shift() } = chunks.length > 0 ? { done: false } : await reader.read()
      if (done || value === undefined) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
  return { body: rest }
}

/** Decodes a body that the Worker itself compressed with gzip, since the cache stores all bodies decoded. */
function decodedManual(response: Response): Response {
  const { body, status, headers } = response
  if (body === null || !isManual(response) || headers.get('content-encoding') !== 'gzip') return response
  return new Response(body.pipeThrough(new DecompressionStream('gzip')), { status, headers })
}

const MAX_NAME = 1024

/** Class of the global `caches` of Workers, which opens caches by name. */
export class WorkersCaches {
  readonly default = new WorkersCache()

  async open(name: string): Promise<WorkersCache> {
    if (String(name).length > MAX_NAME) throw new TypeError('Cache name is too long.')
    return new WorkersCache(String(name))
  }
}

const REQUEST = 'Request or string'
asInterface(WorkersCache, 'Cache', {
  async: { match: [REQUEST], put: [REQUEST, 'Response'], delete: [REQUEST] },
  missing: ['add', 'addAll', 'keys', 'matchAll'],
})
asInterface(WorkersCaches, 'CacheStorage', {
  async: { open: ['string'] },
  missing: ['match', 'has', 'delete', 'keys'],
})
