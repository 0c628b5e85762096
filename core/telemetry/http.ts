/** Spans of HTTP: the app's own requests, and what it requests of others. */
import type { Context } from '../context.ts'
import { KIND, type Span } from './otlp.ts'
import { activeScope, type Scope, type ScopeStore, setError, type SpanStart } from './recorder.ts'
import { formatTraceparent } from './trace-context.ts'

/** Methods that are named in spans; any other one is `_OTHER` (semantic conventions of HTTP). */
const METHOD = /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|QUERY)$/

/** Returns the beginning of the span of a request to this app. */
export function requestSpan(request: Request, ctx: Context): SpanStart {
  const url = new URL(request.url)
  const { address } = ctx.client.remote
  const agent = request.headers.get('user-agent')
  const start = httpSpan(request.method, url, KIND.server)
  start.attributes['url.scheme'] = url.protocol.slice(0, -1)
  start.attributes['url.path'] = url.pathname
  if (address !== undefined) start.attributes['client.address'] = address
  if (agent !== null) start.attributes['user_agent.original'] = agent
  return start
}

/** Adds the status of an answer. A server's span fails from status 500 on, a client's from 400. */
export function setStatus(span: Span, { status }: Pick<Response, 'status'>): void {
  span.attributes['http.response.status_code'] = status
  if (status >= (span.kind === KIND.server ? 500 : 400)) setError(span, `${status}`)
}

/**
 * Returns a `fetch` that records each call over HTTP within an event, and sends `traceparent` with it. All
 * other calls go to `fetch` as they are.
 */
export function tracedFetch(fetch: typeof globalThis.fetch, store: ScopeStore): typeof fetch {
  return (input, init) => {
    const scope = activeScope(store)
    const url = scope && URL.parse(isRequest(input) ? input.url : `${input}`)
    if (!scope || !url || !/^https?:$/.test(url.protocol)) return fetch(input, init)
    return tracedRequest(scope, { fetch, url, input, init })
  }
}

/** A request of the app to somebody else. */
interface Outgoing {
  readonly fetch: typeof globalThis.fetch
  readonly url: URL
  readonly input: Request | string | URL
  readonly init: RequestInit | undefined
}

/** Sends a request in a span, with the headers that make it the parent of the callee's spans. */
export function tracedRequest(scope: Scope, { fetch, url, input, init }: Outgoing): Promise<Response> {
  const { recorder } = scope.event
  const own = isRequest(input) ? input : undefined
  const start = (): SpanStart => {
    const span = httpSpan((init?.method ?? own?.method ?? 'GET').toUpperCase(), url, KIND.client)
    // Queries and passwords are left out of the URL, since they may be secrets.
    span.attributes['url.full'] = url.origin + url.pathname
    return span
  }
  return recorder.call(
    scope,
    start,
    // Async, since an invalid header is a rejection of `fetch` and no throw.
    async ({ context, baggage }) => {
      const headers = new Headers(init?.headers ?? own?.headers)
      if (recorder.settings.propagators.includes('tracecontext')) {
        headers.set('traceparent', formatTraceparent(context))
        // A state is valid only together with its own `traceparent`, so one that the app copied is replaced.
        if (context.state === undefined) headers.delete('tracestate')
        else headers.set('tracestate', context.state)
      }
      if (baggage !== undefined && !headers.has('baggage')) headers.set('baggage', baggage)
      return fetch(input, { ...init, headers })
    },
    (span, response) => response && setStatus(span, response),
  )
}

/** Recognises requests by their shape: a target may have several classes of requests. */
export function isRequest(input: Request | string | URL): input is Request {
  return typeof input === 'object' && input !== null && 'url' in input && 'method' in input
}

function httpSpan(method: string, url: URL, kind: SpanStart['kind']): SpanStart {
  const isKnown = METHOD.test(method)
  const attributes: SpanStart['attributes'] = {
    'http.request.method': isKnown ? method : '_OTHER',
    'server.address': url.hostname,
    'server.port': Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
  }
  if (!isKnown) attributes['http.request.method_original'] = method
  return { name: isKnown ? method : 'HTTP', kind, attributes }
}
