import type { CacheDriver } from './drivers.ts'

/**
 * A cache for responses to GET requests, and an optimisation only: it may lose any entry at any time, and a
 * backend that fails counts as a miss. The key is the URL without its fragment. A response with `Vary: *` is
 * refused; any other `Vary` is ignored.
 */
export class Cache {
  #driver: CacheDriver

  constructor(driver: CacheDriver, _options: { binding: string }) {
    this.#driver = driver
  }

  /**
   * Returns a stored response that is still fresh. A matching If-None-Match makes it a 304, and a Range a
   * 206. Methods other than GET and HEAD never match.
   *
   * @example
   * ```ts
   * const stored = await env.pages.match(request)
   * if (stored !== undefined) return stored
   * ```
   */
  async match(input: Request | string | URL): Promise<Response | undefined> {
    const request = toRequest(input)
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
    const stored = await this.#driver.match(keyOf(request)).catch(() => undefined)
    return stored === undefined ? undefined : answer(request, stored)
  }

  /**
   * Stores a response in the cache for as long as its Cache-Control says (`s-maxage` before `max-age`). A
   * response that has no lifetime, says `private`, `no-store` or `no-cache`, or sets a cookie, is not stored.
   * `put` consumes the body: pass `response.clone()` to go on using the response.
   *
   * @throws `TypeError` for methods other than GET, a 206, or `Vary: *`, as the Cache API does.
   *
   * @example
   * ```ts
   * const answer = new Response('hello', { headers: { 'cache-control': 'max-age=60' } })
   * ctx.waitUntil(env.pages.put(request, answer.clone()))
   * return answer
   * ```
   */
  async put(input: Request | string | URL, response: Response): Promise<void> {
    const request = toRequest(input)
    if (request.method !== 'GET')
      throw new TypeError(`Only answers to GET can be cached, not to ${request.method}.`)
    if (response.status === 206) throw new TypeError('A 206 (partial) answer cannot be cached.')
    if (
      response.headers
        .get('vary')
        ?.split(',')
        .some((name) => name.trim() === '*')
    )
      throw new TypeError('An answer with Vary: * cannot be cached.')
    if (response.bodyUsed) throw new TypeError("The answer's body is used already. Put response.clone().")
    const ttl = cacheSeconds(response)
    if (ttl <= 0) {
      await response.body?.cancel()
      return
    }
    await this.#driver.put(keyOf(request), response, ttl).catch(() => {})
  }

  /**
   * Removes the response that is stored for a URL. Resolves to true if there was one.
   *
   * @example
   * ```ts
   * const wasThere = await env.pages.delete('https://example.com/news')
   * ```
   */
  async delete(input: Request | string | URL): Promise<boolean> {
    const request = toRequest(input)
    if (request.method !== 'GET') return false
    return this.#driver.delete(keyOf(request)).catch(() => false)
  }
}

function toRequest(input: Request | string | URL): Request {
  return typeof input === 'string' || input instanceof URL ? new Request(input) : input
}

function keyOf(request: Request): string {
  const hash = request.url.indexOf('#')
  return hash < 0 ? request.url : request.url.slice(0, hash)
}

/** Returns the seconds that a shared cache may keep a response (RFC 9111); 0 if it must not store it. */
function cacheSeconds(response: Response): number {
  if (response.headers.has('set-cookie')) return 0
  const directives = new Map<string, string>()
  for (const part of (response.headers.get('cache-control') ?? '').split(',')) {
    const [name = '', value = ''] = part.trim().split('=')
    directives.set(name.toLowerCase(), value.replaceAll('"', ''))
  }
  if (directives.has('private') || directives.has('no-store') || directives.has('no-cache')) return 0
  const seconds = Number(directives.get('s-maxage') ?? directives.get('max-age') ?? 0)
  return Number.isInteger(seconds) ? seconds : 0
}

async function answer(request: Request, stored: Response): Promise<Response> {
  const etag = stored.headers.get('etag')
  const wanted = request.headers.get('if-none-match')
  if (
    etag !== null &&
    wanted !== null &&
    wanted.split(',').some((tag) => weak(tag.trim()) === weak(etag) || tag.trim() === '*')
  ) {
    await stored.body?.cancel()
    return new Response(null, { status: 304, headers: stored.headers })
  }
  const range = request.headers.get('range')
  return range === null || stored.status !== 200 ? stored : partial(range, stored)
}

function weak(etag: string): string {
  return etag.replace(/^W\//, '')
}

async function partial(range: string, stored: Response): Promise<Response> {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range.trim())
  if (match === null || (match[1] === '' && match[2] === '')) return stored
  const bytes = new Uint8Array(await stored.arrayBuffer())
  const size = bytes.byteLength
  const first = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1])
  const last = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  const headers = new Headers(stored.headers)
  if (first > last || first >= size) {
    headers.set('content-range', `bytes */${size}`)
    return new Response(null, { status: 416, headers })
  }
  headers.set('content-range', `bytes ${first}-${last}/${size}`)
  headers.set('content-length', String(last - first + 1))
  return new Response(bytes.subarray(first, last + 1), { status: 206, headers })
}
