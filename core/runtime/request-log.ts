/** A line in the log for each request. Part of a build only where the config's `requestLog` asks for it. */
import type { App } from '../app.ts'
import type { Context } from '../context.ts'

/** Names of query parameters whose values never reach a log. */
const SECRET = /token|secret|passw|pwd|key|auth|sig|code|session|credential|jwt|otp/i
const REDACTED = 'REDACTED'

/** The fields of a line, by OpenTelemetry's names. */
interface Line {
  time: string
  level: 'info' | 'error'
  message: string
  'http.request.method': string
  'url.path': string
  /** Without `?`; values of parameters that look like secrets are REDACTED. Absent where there is no query. */
  'url.query'?: string
  /** Absent where the handler gave no answer. */
  'http.response.status_code'?: number
  /** The name of what the handler threw. */
  'error.type'?: string
  /** Seconds until the handler answered; its body may take longer. */
  duration: number
  'client.address'?: string
  'user_agent.original'?: string
  request_id: string
}

/**
 * `app`, whose fetch handler logs each request when it has answered or thrown: as one JSON object a line, or
 * as text for people. Requests that the target answers by itself (assets, what it refuses) are not the
 * app's and have no line.
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
  /** Undefined where the handler answered with something that is no Response. */
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

/** `query` with the values of secrets replaced; the rest stays as the client wrote it. */
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
    // What cannot be read may hide a name that would be redacted.
    return 'key'
  }
}

function writeJson(line: Line): void {
  // AWS's log format puts what it is given below `message`: an object stays one there.
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  console.log(process?.env?.['AWS_LAMBDA_LOG_FORMAT'] === 'JSON' ? line : JSON.stringify(line))
}

function writeText(line: Line): void {
  const query = line['url.query'] === undefined ? '' : `?${line['url.query']}`
  const result = line['http.response.status_code'] ?? line['error.type'] ?? 'no answer'
  const ms = (line.duration * 1000).toFixed(line.duration < 0.01 ? 1 : 0)
  // A path cannot hold a line break, and the id cannot either.
  console.log(
    `${line['http.request.method']} ${line['url.path']}${query} ${result} ${ms} ms ${line.request_id}`,
  )
}
