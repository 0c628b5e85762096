import { limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { ServiceDriver } from './drivers.ts'
import { run } from './operation.ts'
import type { NativeBinding } from './native.ts'

/**
 * Header that counts how many service bindings a request has passed. A caller that passes on the headers of
 * its own request would otherwise call in a circle without end.
 */
const HOPS = 'unmoor-hops'

/**
 * Another unmoor app, called by a service binding. Redirects are returned and not followed; if the client
 * aborts, the called app's signal aborts too.
 */
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
   * Sends a request to the called app. The path and query of its URL count; the host is replaced by that
   * app's own.
   *
   * @throws `Unavailable` if the app cannot be reached, `Timeout`, `Aborted`, `LimitExceeded` for over 32 KiB
   * of headers, or after 16 services that each passed on their request's headers. An error within the called
   * app is a 500 response.
   *
   * @example
   * ```ts
   * const answer = await env.billing.fetch('/invoices', { method: 'POST', body: '{"user":7}' })
   * ```
   */
  async fetch(input: Request | string | URL, init?: RequestInit): Promise<Response> {
    // A path alone, in a service call, needs a base URL to be parsed; the driver replaces its origin by that
    // of the called app.
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
