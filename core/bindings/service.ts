import { limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { ServiceDriver } from './drivers.ts'
import { run } from './operation.ts'
import type { NativeBinding } from './native.ts'

/**
 * Counts the services that a request has passed: a caller that hands its own request's headers on would
 * otherwise go round in a circle for ever.
 */
const HOPS = 'unmoor-hops'

/** Another unmoor app. Redirects are not followed; a client's abort reaches it. */
export class Service {
  /**
   * The platform's own binding (Cloudflare's `Fetcher`), typed by `import 'unmoor/cloudflare/native'`;
   * undefined on other targets.
   */
  declare readonly native: NativeBinding<'service'>
  #driver: ServiceDriver
  #where: { binding: string; operation: string }

  constructor(driver: ServiceDriver, options: { binding: string }) {
    this.#driver = driver
    this.#where = { binding: options.binding, operation: 'fetch' }
  }

  /**
   * Sends a request to the app. Its URL's path and query count; its host is the app's own.
   *
   * @throws `Unavailable` if it cannot be reached, `Timeout`, `Aborted`, `LimitExceeded` for over 32 KiB of
   * headers, or after 16 services that each handed on their request's headers. An error within the app is a
   * 500 answer.
   *
   * @example
   * ```ts
   * const answer = await env.billing.fetch('/invoices', { method: 'POST', body: '{"user":7}' })
   * ```
   */
  async fetch(input: Request | string | URL, init?: RequestInit): Promise<Response> {
    // A path alone needs a base; the driver replaces the origin by the app's own.
    const target =
      typeof input === 'string' && input.startsWith('/') ? `http://${this.#where.binding}${input}` : input
    const request = new Request(target, { redirect: 'manual', ...init })
    this.#countHop(request)
    let size = 0
    for (const [name, value] of request.headers) size += name.length + value.length + 4
    if (size > LIMITS['service.headers'])
      throw limitExceeded(this.#where, 'service.headers', size, LIMITS['service.headers'])
    return run(this.#where, () => this.#driver.fetch(request))
  }

  #countHop({ headers }: Request): void {
    const passed = Number(headers.get(HOPS) ?? 0)
    const hops = (Number.isInteger(passed) && passed > 0 ? passed : 0) + 1
    const max = LIMITS['service.hops']
    if (hops > max)
      throw limitExceeded(
        this.#where,
        'service.hops',
        hops,
        max,
        `The services call each other in a circle ("${this.#where.binding}" is part of it).`,
      )
    headers.set(HOPS, String(hops))
  }
}
