/** Logs a line for each request. A build contains this file only if the config's `requestLog` asks for it. */
import type { App } from '../app.ts'
import type { Context } from '../context.ts'

/** Matches names of query parameters whose values the request log must never show. */
const SECRET = /token|secret|passw|pwd|key|auth|sig|code|session|credential|jwt|otp/i
const REDACTED = 'REDACTED'

/** The fields of a request log's line, named as OpenTelemetry names them. */
interface Line {
  time: string
  level: 'info' | 'error'
  message: string
  'http.request.method': string
  'url.path': string
  /**
   * The request's query as logged, without `?` and with REDACTED in place of values that look like secrets.
   * Absent if the URL has no query.
   */
  'url.query'?: string
  /** Logged status of the response; absent if the handler returned no response. */
  'http.response.status_code'?: number
  /** Logged name of the error that the fetch handler threw. */
  'error.type'?: string
  /** Seconds until the fetch handler answered, as logged; the body of the answer may take longer. */
  duration: number
  'client.address'?: string
  'user_agent.original'?: string
  request_id: string
}

/**
 * Returns `app` with a fetch handler that logs each request when it has answered or thrown, as one JSON
 * object per line or as text for people. Requests that the target answers without the app (assets, refused
 * requests) are not logged.
 */
export function withRequestLog(app: App, format: 'json' | 'text'): App {
  const { fetch } = app
  if (fetch === undefined) return app
  const write = format === 'json' ? writeJson : writeText
  return {
    ...app,
    async fetch(request, env, ctx) {
      const begun = performance.now()
      const seconds = (): number => (performance.now() - begun) / 1000
      try {
        const response = await fetch.call(app, request, env, ctx)
        write(lineOf(request, ctx, seconds(), { status: response?.status }))
        return response
      } catch (error) {
        write(lineOf(request, ctx, seconds(), { thrown: error }))
        throw error
      }
    },
  }
}

interface Outcome {
  /** Status of the logged answer; undefined if the handler returned something that is not a Response. */
  status?: number | undefined
  thrown?: unknown
}

function lineOf(request: Request, ctx: Context, duration: number, outcome: Outcome): Line {
  const { pathname, search } = new URL(request.url)
  const { address } = ctx.client.remote
  const agent = request.headers.get('user-agent')
  const { status } = outcome
  const failed = status === undefined || status >= 500
  const result = status ?? ('thrown' in outcome ? errorName(outcome.thrown) : 'no answer')
  return {
    time: new Date().toISOString(),
    level: failed ? 'error' : 'info',
    message: `${request.method} ${pathname} ${result}`,
    'http.request.method': request.method,
    'url.path': pathname,
    ...(search === '' ? {} : { 'url.query': redactQuery(search.slice(1)) }),
    ...(status === undefined ? {} : { 'http.response.status_code': status }),
    ...('thrown' in outcome ? { 'error.type': errorName(outcome.thrown) } : {}),
    duration,
    ...(address === undefined ? {} : { 'client.address': address }),
    ...(agent === null ? {} : { 'user_agent.original': agent }),
    request_id: ctx.requestId,
  }
}

function errorName(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : typeof thrown
}

/** Returns a URL's `query` with the values of secrets replaced. The rest stays as the client wrote it. */
export function redactQuery(query: string): string {
  return query
    .split('&')
    .map((pair) => {
      const [name = ''] = pair.split('=', 1)
      return name !== pair && SECRET.test(decoded(name)) ? `${name}=${REDACTED}` : pair
    })
    .join('&')
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    // A query parameter's name that cannot be decoded may hide the name of a secret, so it counts as one.
    return 'key'
  }
}

function writeJson(line: Line): void {
  // AWS's log format puts the logged value below `message`, where an object stays an object.
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  console.log(process?.env?.['AWS_LAMBDA_LOG_FORMAT'] === 'JSON' ? line : JSON.stringify(line))
}

function writeText(line: Line): void {
  const query = line['url.query'] === undefined ? '' : `?${line['url.query']}`
  const result = line['http.response.status_code'] ?? line['error.type'] ?? 'no answer'
  const ms = (line.duration * 1000).toFixed(line.duration < 0.01 ? 1 : 0)
  // Neither a path nor a request id can contain a line break, so nobody can forge a line of the request log.
  console.log(
    `${line['http.request.method']} ${line['url.path']}${query} ${result} ${ms} ms ${line.request_id}`,
  )
}
