/**
 * Stands for the package miniflare in a bundle of its own tests, inside the Worker whose bindings they test:
 * bindings and caches are the Worker's, requests are calls of the test's handler.
 */
import { NotAsked } from './harness.ts'
import { current } from './vitest.ts'

type Handler = (global: unknown, request: Request, env: unknown, ctx: unknown) => unknown

export const KV_PLUGIN_NAME = 'kv'
export const R2_PLUGIN_NAME = 'r2'
export const D1_PLUGIN_NAME = 'd1'
export const CACHE_PLUGIN_NAME = 'cache'
/** Cloudflare's limit, as miniflare exports it. */
export const MAX_BULK_GET_KEYS = 100

const OwnRequest = globalThis.Request
const OwnResponse = globalThis.Response
const OwnHeaders = globalThis.Headers
export { OwnHeaders as Headers, OwnRequest as Request, OwnResponse as Response }

/** The tests of bindings use nothing of the logger. */
export class Log {
  readonly level = 0
}
export const LogLevel = {}
export const stripAnsi = (text: string): string => text
export const sanitisePath = (path: string): string => path

export class Miniflare {
  readonly ready = new URL('http://localhost')
  readonly #handler: Handler | undefined

  /** @throws {NotAsked} where a test starts one of its own. */
  constructor(options: unknown) {
    if (!(options instanceof OfHelper)) throw new NotAsked('it starts a Worker of its own')
    this.#handler = options.handler
  }

  getKVNamespace(name: string): unknown {
    return bound(current.env[name] as object)
  }

  getR2Bucket(name: string): unknown {
    return bound(current.env[name] as object)
  }

  getD1Database(name: string): unknown {
    return bound(current.env[name] as object)
  }

  getCaches(): unknown {
    return caches
  }

  async dispatchFetch(url: string, init?: RequestInit): Promise<unknown> {
    if (this.#handler === undefined) throw new NotAsked('it asks the script of a fixture')
    return this.#handler(globalThis, new Request(url, init), current.env, current.ctx)
  }

  setOptions(): void {
    throw new NotAsked('it changes the options of a Worker that runs')
  }

  purgeCache(): void {
    throw new NotAsked("it asks the simulator, by a method that no Worker's cache has")
  }

  _getInternalDurableObjectNamespace(): { idFromName(name: string): string; get(id: string): string } {
    return { idFromName: (name) => name, get: (id) => id }
  }
}

/** The binding with methods that need no `this`, as miniflare hands it to a test. */
function bound(binding: object): unknown {
  return new Proxy(binding, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** What the helper of the tests starts, in place of options. */
export class OfHelper {
  readonly handler: Handler | undefined
  constructor(handler: Handler | undefined) {
    this.handler = handler
  }
}
