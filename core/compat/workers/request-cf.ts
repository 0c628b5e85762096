/** `cf` of a request: given to the constructor on Workers, and kept by copies; the web's drop it. */
import { extendGlobal, watchClones } from './extend-global.ts'

const EXTENSION = {
  made(request: object, [input, init]: readonly unknown[]): void {
    defineCf(request, cfOf(init) ?? cfOf(input))
  },
  cloned(copy: object, original: object): void {
    defineCf(copy, cfOf(original))
  },
}

/** Has requests keep `cf`. */
export function keepRequestCf(): void {
  extendGlobal('Request', EXTENSION)
}

/** What a request, or whatever a request is made from, has as `cf`. */
export function cfOf(input: unknown): unknown {
  return typeof input === 'object' && input !== null ? (input as { cf?: unknown }).cf : undefined
}

/** Gives an incoming request its `cf`. */
export function setCf(request: Request, cf: unknown): void {
  defineCf(request, cf)
  watchClones(Object.getPrototypeOf(request) as object, EXTENSION)
}

function defineCf(request: object, cf: unknown): void {
  if (cf !== undefined && cf !== null)
    Object.defineProperty(request, 'cf', { value: cf, writable: true, configurable: true })
}
