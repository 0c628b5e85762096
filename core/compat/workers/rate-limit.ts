import type { Counter } from '../../bindings/counter.ts'

/** Periods that Cloudflare allows for rate limits, in seconds. */
const PERIODS: readonly number[] = [10, 60]
const KEYS: readonly string[] = ['key', 'limit', 'period', 'delta']
const MAX_DELTA = 2 ** 32 - 1

/** Options of one `limit()` call of a rate limiter; `limit` and `period` override the wrangler file's. */
interface LimitOptions {
  key?: string
  limit?: number
  period?: number
  delta?: number
}

/**
 * Cloudflare's rate limiter. Cloudflare counts calls per location; here the driver counts them, per process
 * or shared through Redis or Postgres.
 */
export class RateLimit {
  #counter: () => Pick<Counter, 'take'>
  #limit: number
  #period: number

  constructor(counter: () => Pick<Counter, 'take'>, { limit, period }: { limit: number; period: number }) {
    this.#counter = counter
    this.#limit = limit
    this.#period = period
  }

  /**
   * The rate limiter's `limit`: counts a call, or `delta` calls. The call is allowed while the count before
   * it is below the limit.
   */
  async limit(options: LimitOptions): Promise<{ success: boolean }> {
    if (typeof options !== 'object' || options === null) throw new Error('invalid rate limit options')
    const unknown = Object.keys(options).filter((name) => !KEYS.includes(name))
    if (unknown.length > 0) throw new Error(`bad rate limit options: [${unknown.join(',')}]`)
    const { key = '', limit = this.#limit, period = this.#period, delta = 1 } = options
    if (typeof key !== 'string') throw new Error(`invalid key: ${String(key)}`)
    if (typeof limit !== 'number') throw new Error(`limit must be a number: ${String(limit)}`)
    if (typeof period !== 'number') throw new Error(`period must be a number: ${String(period)}`)
    if (!PERIODS.includes(period)) throw new Error(`unsupported period: ${period}`)
    const window = { limit, amount: toAmount(delta), seconds: period }
    return { success: await this.#counter().take(`${period} ${key}`, window) }
  }
}

/** Converts the rate limiter's `delta` to an unsigned 32-bit integer as workerd does. */
function toAmount(delta: unknown): number {
  const number = Number(delta)
  if (!Number.isFinite(number))
    throw new TypeError('The value cannot be converted because it is not an integer.')
  if (number < 0)
    throw new TypeError(
      'The value cannot be converted because it is negative and this API expects a positive number.',
    )
  if (number > MAX_DELTA)
    throw new TypeError(`Value out of range. Must be less than or equal to ${MAX_DELTA}.`)
  const amount = Math.trunc(number)
  if (amount === 0) throw new RangeError('delta must be non-zero')
  return amount
}
