import { createHash } from 'node:crypto'
import { readAll } from '../../../core/bindings/bytes.ts'
import type { CacheDriver, DriverFactory } from '../../../core/bindings/drivers.ts'
import { Connection } from './connection.ts'
import type { RedisCacheOptions } from './options.ts'
import { keyPrefix, type RedisFactoryOptions } from './server.ts'

/**
 * Milliseconds for which the cache does not ask a Redis server that failed; every read is then an immediate
 * miss.
 */
const REST = 1000

/** Cache driver on Redis, whose cache all processes share. */
export const cache: DriverFactory<'cache', RedisCacheOptions & RedisFactoryOptions> = async (
  options,
  context,
) => {
  // The Redis cache has a timeout of 1 s, because a slower cache is of no use.
  const connection = await Connection.create(options, context, { seconds: 1 })
  return new RedisCache(
    connection,
    `${keyPrefix(options, context.app, context.binding)}:cache:`,
    options.maxBytes ?? 25 * 1024 * 1024,
    () => context.now(),
  )
}

interface Head {
  url: string
  status: number
  headers: [string, string][]
  /** True if the cached HTTP answer has a body, even an empty one. */
  body: boolean
  /** Expiration of the cached answer in milliseconds since 1970. */
  expires: number
}

/**
 * A cache in Redis with one string per HTTP answer: 4 bytes with the length of the head, the head as JSON,
 * the body.
 */
class RedisCache implements CacheDriver {
  #connection: Connection
  #prefix: string
  #maxBytes: number
  #now: () => number
  #restUntil = 0

  constructor(connection: Connection, prefix: string, maxBytes: number, now: () => number) {
    this.#connection = connection
    this.#prefix = prefix
    this.#maxBytes = maxBytes
    this.#now = now
  }

  async match(url: string): Promise<Response | undefined> {
    const packed = (await this.#try(() => this.#connection.read('GET', this.#key(url)))) as
      | Buffer
      | null
      | undefined
    if (packed === null || packed === undefined) return undefined
    const end = 4 + packed.readUInt32BE(0)
    const head = JSON.parse(packed.toString('utf8', 4, end)) as Head
    if (head.url !== url || head.expires <= this.#now()) return undefined
    return new Response(head.body ? new Uint8Array(packed.subarray(end)) : null, {
      status: head.status,
      headers: head.headers,
    })
  }

  async put(url: string, response: Response, ttlSeconds: number): Promise<void> {
    const expires = this.#now() + ttlSeconds * 1000
    const head: Head = {
      url,
      status: response.status,
      headers: [...response.headers],
      body: response.body !== null,
      expires,
    }
    // An answer is not stored in the Redis cache if its body exceeds the cache's limit or fails while it is
    // read.
    const body =
      response.body === null
        ? undefined
        : await readAll(response.body, { binding: 'cache', operation: 'put' }, 'maxBytes', this.#maxBytes)
    const text = Buffer.from(JSON.stringify(head))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(text.length)
    const packed = Buffer.concat(body === undefined ? [length, text] : [length, text, body])
    await this.#try(() => this.#connection.write('SET', this.#key(url), packed, 'EX', String(ttlSeconds)))
  }

  async delete(url: string): Promise<boolean> {
    return (
      (await this.match(url)) !== undefined &&
      (await this.#try(() => this.#connection.write('DEL', this.#key(url)))) === 1
    )
  }

  close(): void {
    this.#connection.close()
  }

  async #try(work: () => Promise<unknown>): Promise<unknown> {
    if (performance.now() < this.#restUntil) return undefined
    try {
      return await work()
    } catch {
      this.#restUntil = performance.now() + REST
      return undefined
    }
  }

  /** Redis key of a cached answer, with a hash of the url because urls may be long. */
  #key(url: string): string {
    return this.#prefix + createHash('sha256').update(url).digest('base64url')
  }
}
