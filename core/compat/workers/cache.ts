import type { Cache } from '../../bindings/cache.ts'
import { answerFrom } from './cache-answer.ts'
import { isManual } from './encode-body.ts'
import { cfOf } from './request-cf.ts'
import { currentSpec, portable } from './state.ts'

interface MatchOptions {
  ignoreMethod?: boolean
}

/** Cloudflare's Cache over a portable one: https://developers.cloudflare.com/workers/runtime-apis/cache/ */
export class WorkersCache {
  #name: string | undefined

  constructor(name?: string) {
    this.#name = name
  }

  async match(input: RequestInfo | URL, options: MatchOptions = {}): Promise<Response | undefined> {
    const request = this.#key(input)
    const method = options.ignoreMethod === true ? 'GET' : request.method
    if (method !== 'GET' && method !== 'HEAD') return undefined
    const found = await cache().match(new Request(request.url))
    if (found === undefined) return undefined
    const stored = new Headers(found.headers)
    stored.set('age', String(ageOf(stored)))
    const { status, statusText } = found
    const answer = await answerFrom(
      request.headers,
      new Response(found.body, { status, statusText, headers: stored }),
    )
    const headers = new Headers(answer.headers)
    headers.set('cf-cache-status', 'HIT')
    return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers })
  }

  /** @throws `TypeError` as Workers do, for another method than GET, a 206 and `Vary: *`. */
  async put(input: RequestInfo | URL, response: Response): Promise<void> {
    const request = this.#key(input)
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
    await cache().put(new Request(request.url), storable(response))
  }

  async delete(input: RequestInfo | URL, options: MatchOptions = {}): Promise<boolean> {
    const request = this.#key(input)
    if (request.method !== 'GET' && options.ignoreMethod !== true) return false
    return cache().delete(new Request(request.url))
  }

  /** Each named cache has a host of its own, so that one backend serves all. */
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

/** The key of an answer as a URL; one that is a URL names what a request of that URL does. */
function keyUrl(cacheKey: string): string {
  const url = /^https?:/i.test(cacheKey) && URL.canParse(cacheKey) ? new URL(cacheKey) : undefined
  return url?.href ?? `http://key.cache.invalid/${encodeURIComponent(cacheKey.toWellFormed())}`
}

/** Seconds since an answer was made: those that it came with, and those since its date. */
function ageOf(headers: Headers): number {
  const since = Math.floor((Date.now() - Date.parse(headers.get('date') ?? '')) / 1000)
  return (Number.parseInt(headers.get('age') ?? '', 10) || 0) + (since > 0 ? since : 0)
}

function cache(): Cache {
  return portable<Cache>(currentSpec().cache)
}

/**
 * The answer with its date, from which its age counts. Cloudflare keeps an answer with a Set-Cookie where its
 * Cache-Control says `private=Set-Cookie`, without the
 * cookie; and takes `Expires` where there is no max-age.
 */
function storable(given: Response): Response {
  const response = decodedManual(given)
  const control = response.headers.get('cache-control') ?? ''
  const cookieAside = /private\s*=\s*"?set-cookie"?/i.test(control)
  const expires = /(?:max-age|s-maxage)\s*=/i.test(control) ? null : response.headers.get('expires')
  const headers = new Headers(response.headers)
  if (!headers.has('date')) headers.set('date', new Date().toUTCString())
  if (cookieAside) {
    headers.delete('set-cookie')
    headers.set(
      'cache-control',
      control.replace(/,?\s*private\s*=\s*"?set-cookie"?/i, '').replace(/^,\s*/, ''),
    )
  }
  if (expires !== null) {
    const seconds = Math.floor((Date.parse(expires) - Date.now()) / 1000)
    if (seconds > 0) headers.append('cache-control', `max-age=${seconds}`)
  }
  return new Response(response.body, { status: response.status, headers })
}

/** A body that the Worker encoded is kept decoded, like those of all other answers. */
function decodedManual(response: Response): Response {
  const { body, status, headers } = response
  if (body === null || !isManual(response) || headers.get('content-encoding') !== 'gzip') return response
  return new Response(body.pipeThrough(new DecompressionStream('gzip')), { status, headers })
}

const MAX_NAME = 1024

/** `caches`. */
export class WorkersCaches {
  readonly default = new WorkersCache()

  async open(name: string): Promise<WorkersCache> {
    if (String(name).length > MAX_NAME) throw new TypeError('Cache name is too long.')
    return new WorkersCache(String(name))
  }
}
