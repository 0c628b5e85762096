/** Makes an adapter's own request class pass for the platform's `Request`. */

// Fields of the Request that are the same for every incoming request. `redirect` is manual, as on Workers, so
// that fetch(request) passes a redirect on instead of following it.
const CONSTANTS = {
  cache: 'default',
  credentials: 'same-origin',
  destination: '',
  duplex: 'half',
  integrity: '',
  isHistoryNavigation: false,
  isReloadNavigation: false,
  keepalive: false,
  mode: 'cors',
  redirect: 'manual',
  referrer: 'about:client',
  referrerPolicy: '',
}

/**
 * Defines the constant fields of a Request on the prototype of an adapter's class, makes its own fields
 * enumerable as those of `Request` are, and makes its objects instances of `native`.
 */
export function shapeAsRequest(
  prototype: Pick<Request, 'method' | 'url' | 'headers' | 'bodyUsed'>,
  native: typeof Request,
): void {
  for (const [name, value] of Object.entries(CONSTANTS))
    Object.defineProperty(prototype, name, { get: () => value, enumerable: true, configurable: true })
  for (const name of [
    'method',
    'url',
    'headers',
    'signal',
    'body',
    'bodyUsed',
    'arrayBuffer',
    'bytes',
    'text',
    'json',
    'blob',
    'formData',
    'clone',
  ])
    Object.defineProperty(prototype, name, { enumerable: true })
  Object.defineProperty(prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value: inspectRequest,
    configurable: true,
    writable: true,
  })
  Object.setPrototypeOf(prototype, native.prototype)
}

function inspectRequest(
  this: Pick<Request, 'method' | 'url' | 'headers' | 'bodyUsed'>,
  _depth: number,
  options: object,
  inspect: (value: unknown, options: object) => string,
): string {
  const { method, url, headers, bodyUsed } = this
  return `Request ${inspect({ method, url, headers, bodyUsed }, options)}`
}

/**
 * Node's `Buffer`, whose decoder is the fastest on Node. It is described by its shape because this file is
 * checked without Node's types.
 */
interface NodeBytes extends Uint8Array {
  toString(encoding?: 'utf8', start?: number): string
}

/** Decodes a body's UTF-8 as fetch does: a byte order mark is dropped. */
export function decodeBody(bytes: NodeBytes): string {
  const start = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  return bytes.toString('utf8', start)
}
