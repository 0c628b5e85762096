/** The headers of a Lambda event's request: immutable for the app, as on Workers. */
let Immutable: (new () => Headers) | undefined
let isOpen = false

/**
 * Creates the class of immutable request headers. This does not run at import, because reading
 * `globalThis.Headers` loads undici, which would slow the start.
 */
function createClass(): new () => Headers {
  const { Headers: Native } = globalThis
  class IncomingHeaders extends Native {
    override append(name: string, value: string): void {
      if (!isOpen) refuse(name)
      super.append(name, value)
    }
    override set(name: string, value: string): void {
      if (!isOpen) refuse(name)
      super.set(name, value)
    }
    override delete(name: string): void {
      if (!isOpen) refuse(name)
      super.delete(name)
    }
  }
  // Makes `request.headers.constructor === Headers` true.
  Object.defineProperty(IncomingHeaders.prototype, 'constructor', { value: Native, configurable: true })
  return IncomingHeaders
}

/** Returns empty request headers, to be filled by {@link addHeader}. */
export function createIncomingHeaders(): Headers {
  Immutable ??= createClass()
  return new Immutable()
}

/**
 * Adds a header to an event's request, or with `replace` sets it. @throws TypeError for a header that HTTP
 * does not allow.
 */
export function addHeader(headers: Headers, name: string, value: string, replace = false): void {
  isOpen = true
  try {
    if (replace) headers.set(name, value)
    else headers.append(name, value)
  } finally {
    isOpen = false
  }
}

/** Removes a header of an event's request. */
export function removeHeader(headers: Headers, name: string): void {
  isOpen = true
  try {
    headers.delete(name)
  } finally {
    isOpen = false
  }
}

function refuse(name: string): never {
  throw new TypeError(
    `The headers of an incoming request are immutable, so "${name}" cannot be changed. Make a copy: new ` +
      'Request(request, { headers }) or new Headers(request.headers).',
  )
}
