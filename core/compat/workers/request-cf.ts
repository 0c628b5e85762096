/**
 * Keeps `cf` (Cloudflare's facts about a request) on requests: in Workers the constructor accepts it and
 * copies keep it, while the web's own Request drops it.
 */
import { extendGlobal, watchClones } from './extend-global.ts'

const EXTENSION = {
  made(request: object, [input, init]: readonly unknown[]): void {
    defineCf(request, cfOf(init) ?? cfOf(input))
  },
  cloned(copy: object, original: object): void {
    defineCf(copy, cfOf(original))
  },
}

/** Extends the global Request to keep `cf`, Cloudflare's facts about a request. */
export function keepRequestCf(): void {
  extendGlobal('Request', EXTENSION)
}

/** Returns `cf` (Cloudflare's facts) of a request, or of an object that a request is made from. */
export function cfOf(input: unknown): unknown {
  return typeof input === 'object' && input !== null ? (input as { cf?: unknown }).cf : undefined
}

/** Sets `request.cf` of a Worker's incoming request. */
export function setCf(request: Request, cf: unknown): void {
  defineCf(request, cf)
  watchClones(Object.getPrototypeOf(request) as object, EXTENSION)
}

function defineCf(request: object, cf: unknown): void {
  if (cf !== undefined && cf !== null)
    Object.defineProperty(request, 'cf', { value: cf, writable: true, configurable: true })
}
