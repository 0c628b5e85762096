import { constantCase } from '../../../core/bindings/declarations.ts'
import type { DriverFactory, ServiceDriver } from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import type { HttpOptions } from './options.ts'

/**
 * Headers that a service binding does not pass on: those that belong to one connection, not to the message
 * (RFC 9110 section 7.6.1), and those that fetch sets itself.
 */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'expect',
]

/**
 * Service driver that calls the app at `url` with the request's method, path, query, headers and body.
 * Redirects are returned, not followed.
 */
export const service: DriverFactory<'service', HttpOptions> = (options, context) => {
  const { binding } = context
  const variable = `${constantCase(binding)}_URL`
  const url = options.url ?? context.variable(variable)
  if (url === undefined)
    throw new UnmoorError(
      'NotFound',
      `Service "${binding}": set ${variable} to where it answers, such as https://api.example.com.`,
      {
        binding,
        operation: 'start',
      },
    )
  let target: URL
  try {
    target = new URL(url)
    if (target.protocol !== 'http:' && target.protocol !== 'https:')
      throw new TypeError(`${target.protocol} is not http or https`)
  } catch (error) {
    throw new UnmoorError(
      'InvalidArgument',
      `Service "${binding}": its url ${JSON.stringify(url)} is not one of http or https.`,
      {
        binding,
        operation: 'start',
        cause: error,
      },
    )
  }
  return new HttpService(
    binding,
    target.origin + target.pathname.replace(/\/$/, ''),
    toMilliseconds(options.timeout ?? 30, 'timeout', binding),
  )
}

class HttpService implements ServiceDriver {
  #binding: string
  #base: string
  /** Milliseconds until the headers of the called app's answer must be there. */
  #timeout: number

  constructor(binding: string, base: string, timeout: number) {
    this.#binding = binding
    this.#base = base
    this.#timeout = timeout
  }

  async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url)
    const limit = new AbortController()
    const timer = setTimeout(
      () => limit.abort(new DOMException('The service did not answer in time', 'TimeoutError')),
      this.#timeout,
    )
    try {
      const init: RequestInit & { duplex?: 'half' } = {
        method: request.method,
        headers: this.#headers(request),
        redirect: 'manual',
        // The timeout of a service call applies until the answer's headers arrive; an abort by the caller
        // also ends the transfer of the body.
        signal: AbortSignal.any([request.signal, limit.signal]),
      }
      if (request.body !== null) {
        init.body = request.body
        init.duplex = 'half'
      }
      return plain(await fetch(this.#base + pathname + search, init))
    } catch (error) {
      throw this.#failure(error, request, limit.signal)
    } finally {
      clearTimeout(timer)
    }
  }

  #headers(request: Request): Headers {
    const headers = new Headers(request.headers)
    const listed = headers.get('connection')?.split(',') ?? []
    for (const name of [...HOP_BY_HOP, ...listed.map((entry) => entry.trim()).filter(Boolean)])
      headers.delete(name)
    // The service driver asks for uncompressed answers. fetch would decode a compressed answer but leave its
    // Content-Encoding header, which would then be wrong if the app passed the answer on.
    headers.set('accept-encoding', 'identity')
    return headers
  }

  #failure(error: unknown, request: Request, limit: AbortSignal): unknown {
    if (isUnmoorError(error)) return error
    const name = `Service "${this.#binding}" (${this.#base})`
    if (request.signal.aborted)
      return new UnmoorError('Aborted', `The call of ${name} was aborted.`, {
        mayHaveApplied: true,
        cause: error,
      })
    if (limit.aborted)
      return new UnmoorError('Timeout', `${name} gave no answer within ${this.#timeout / 1000} s.`, {
        mayHaveApplied: true,
        cause: error,
      })
    const { code, message, mayHaveApplied } = causeOf(error)
    if (code !== undefined)
      return new UnmoorError('Unavailable', `${name} cannot be reached: ${message}`, {
        mayHaveApplied,
        cause: error,
      })
    // If a service call has no body, only the request itself can be wrong (`bad port`: a port that fetch
    // never calls).
    if (request.body === null || message === 'bad port')
      return new UnmoorError('InvalidArgument', `${name} cannot be called so: ${message}`, { cause: error })
    // The remaining cause of a failed service call is the request's own body, which failed while it was read.
    return new UnmoorError('Aborted', `The call of ${name} ended with its request's body: ${message}`, {
      mayHaveApplied: true,
      cause: error,
    })
  }
}

/**
 * Error codes of service calls that failed before anything was sent. After any other code, the called app may
 * have acted.
 */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

function causeOf(error: unknown): { code: string | undefined; message: string; mayHaveApplied: boolean } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  // If several addresses of one host name fail, fetch's error is an AggregateError.
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  const code = (first as NodeJS.ErrnoException | undefined)?.code
  const message = first instanceof Error ? first.message || String(code) : String(first)
  return {
    code: typeof code === 'string' ? code : undefined,
    message,
    mayHaveApplied: !(typeof code === 'string' && NOT_SENT.has(code)),
  }
}

/**
 * Lists of content codings that fetch decodes. A single unknown coding in a list means that fetch decodes
 * nothing.
 */
const DECODED = /^\s*(?:x-gzip|gzip|deflate|br|zstd)(?:\s*,\s*(?:x-gzip|gzip|deflate|br|zstd))*\s*$/i

/**
 * Returns the called app's answer without the Content-Encoding header if fetch has already decoded the body.
 */
function plain(response: Response): Response {
  const encoding = response.headers.get('content-encoding')
  if (encoding === null || response.body === null || !DECODED.test(encoding)) return response
  const headers = new Headers(response.headers)
  headers.delete('content-encoding')
  headers.delete('content-length')
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}
