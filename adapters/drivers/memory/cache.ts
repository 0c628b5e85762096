import type { CacheDriver, DriverFactory } from '../../../core/bindings/drivers.ts'
import type { MemoryCacheOptions } from './options.ts'

interface Stored {
  status: number
  headers: [string, string][]
  body: ArrayBuffer | null
  expires: number
  size: number
}

/** Cache driver in memory: each process and binding has its own cache. */
export const cache: DriverFactory<'cache', MemoryCacheOptions> = (options, context) =>
  new MemoryCache(options.maxBytes ?? 64 * 1024 * 1024, () => context.now())

class MemoryCache implements CacheDriver {
  #maxBytes: number
  #now: () => number
  /** Cached HTTP answers in order of use, the least recently used first. */
  #answers = new Map<string, Stored>()
  #bytes = 0

  constructor(maxBytes: number, now: () => number) {
    this.#maxBytes = maxBytes
    this.#now = now
  }

  async match(url: string): Promise<Response | undefined> {
    const stored = this.#answers.get(url)
    if (stored === undefined) return undefined
    if (stored.expires <= this.#now()) {
      this.#remove(url)
      return undefined
    }
    this.#answers.delete(url)
    this.#answers.set(url, stored)
    return new Response(stored.body, { status: stored.status, headers: stored.headers })
  }

  async put(url: string, response: Response, ttlSeconds: number): Promise<void> {
    const { status } = response
    const headers = [...response.headers]
    const body = response.body === null ? null : await response.arrayBuffer()
    const size =
      url.length +
      (body?.byteLength ?? 0) +
      headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
    this.#remove(url)
    if (size > this.#maxBytes) return
    this.#answers.set(url, { status, headers, body, expires: this.#now() + ttlSeconds * 1000, size })
    this.#bytes += size
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#remove(oldest)
    }
  }

  async delete(url: string): Promise<boolean> {
    const fresh = (this.#answers.get(url)?.expires ?? 0) > this.#now()
    this.#remove(url)
    return fresh
  }

  #remove(url: string): void {
    this.#bytes -= this.#answers.get(url)?.size ?? 0
    this.#answers.delete(url)
  }
}
