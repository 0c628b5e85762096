import { UnmoorError } from '../../errors.ts'
import { isStreaming } from './awslambda.ts'
import { type FrontRequest, HOP_BY_HOP, type HttpEventKind, toEventBody, toHttpEvent } from './http-events.ts'
import { bufferedResponse, FAILED, toResponse } from './http-result.ts'
import { invoke, startStreaming, type Invocation } from './invoke.ts'

/**
 * Returns the Lambda event that AWS would make of a request behind the front end `source`. Reads the body.
 */
export async function toEvent(
  request: Request,
  source: HttpEventKind,
  sourceIp: string | undefined,
): Promise<object> {
  const url = new URL(request.url)
  const bytes = request.body === null ? new Uint8Array() : new Uint8Array(await request.arrayBuffer())
  const { headers } = request
  const read: FrontRequest = {
    method: request.method,
    path: url.pathname,
    query: url.search.slice(1),
    httpVersion: '1.1',
    host: headers.get('host') ?? url.host,
    sourceIp: sourceIp ?? '0.0.0.0',
    userAgent: headers.get('user-agent') ?? '',
    headers: eventHeaders(headers, url, bytes, sourceIp),
    body: toEventBody(
      bytes,
      headers.get('content-type') ?? undefined,
      headers.get('content-encoding') ?? undefined,
    ),
  }
  return toHttpEvent(read, source)
}

function eventHeaders(
  given: Headers,
  url: URL,
  body: Uint8Array,
  sourceIp: string | undefined,
): Record<string, readonly string[]> {
  const headers: Record<string, readonly string[]> = {}
  for (const [name, value] of given) if (!HOP_BY_HOP.has(name)) headers[name] = [value]
  headers['host'] ??= [url.host]
  if (given.has('transfer-encoding')) headers['content-length'] = [String(body.byteLength)]
  // AWS appends the client's address to the x-forwarded-for that the client sent, and sets x-forwarded-proto
  // and -port itself.
  if (sourceIp !== undefined)
    headers['x-forwarded-for'] = [[...(headers['x-forwarded-for'] ?? []), sourceIp].join(', ')]
  headers['x-forwarded-proto'] = [url.protocol.slice(0, -1)]
  headers['x-forwarded-port'] = [url.port || (url.protocol === 'https:' ? '443' : '80')]
  return headers
}

/**
 * Answers an HTTP request with a Lambda handler's answer. If the handler fails, answers as AWS does and logs
 * why.
 */
export async function answer(
  request: Request,
  source: HttpEventKind,
  invocation: Invocation,
): Promise<Response> {
  const failed = (error: unknown): Response => {
    console.error(`${request.method} ${new URL(request.url).pathname}: the Lambda handler failed:`, error)
    const [status, text] =
      error instanceof UnmoorError && error.code === 'Timeout'
        ? [504, 'Gateway Timeout']
        : [FAILED[source], 'Internal Server Error']
    return new Response(text, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })
  }
  if (!isStreaming(invocation.handler)) {
    try {
      return bufferedResponse(await invoke(invocation), source)
    } catch (error) {
      return failed(error)
    }
  }
  const { head, body, ended } = startStreaming(invocation)
  const noted = ended.then(
    (error) =>
      error !== undefined &&
      console.error(
        `${request.method} ${new URL(request.url).pathname}: the streamed answer broke off:`,
        error,
      ),
  )
  try {
    const result = await head
    // A streaming Lambda handler may go on working after its last byte was read, as on AWS.
    invocation.ctx.waitUntil(noted)
    return toResponse({ statusCode: 200, ...result }, source, body)
  } catch (error) {
    return failed(error)
  }
}
