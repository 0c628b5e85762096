import type { Context } from '../../../core/context.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { internalError, type Runtime } from '../../../core/runtime.ts'
import type { TestChannel } from '../../../core/test-channel.ts'
import { installGlobals } from './globals.ts'
import { httpSource, isHttpEvent, toRequest, type HttpEvent, type HttpSource } from './http-event.ts'
import { BUFFERED_LIMIT, toBufferedResult, toHead, type HttpResult, type ResultHead } from './http-result.ts'
import { isScheduleEvent, toScheduleCall } from './schedule-event.ts'
import { handleSqsEvent, isSqsEvent, type DecodeSqsRecord } from './sqs-event.ts'

/** How a Function URL is set to invoke: its `InvokeMode`. */
export type InvokeMode = 'RESPONSE_STREAM' | 'BUFFERED'

/** Options of {@link handleEvent}, the same for each event of a process. */
export interface EventOptions {
  runtime: Runtime
  invokeMode: InvokeMode
  /** Set behind the local front, whose events have no domain of AWS and whose protocol is `http`. */
  localFront?: HttpSource | undefined
  variable: (name: string) => string | undefined
  /** Absent in an app that consumes no queue. */
  decodeSqsRecord?: DecodeSqsRecord | undefined
  /** Absent in production builds. */
  handleTestChannel?: TestChannel | undefined
  log: (message: string, error?: unknown) => void
}

/** An event's result: JSON, or for streaming Function URLs a head and a body. */
export type EventResult = { readonly json: unknown } | { readonly head: ResultHead; readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null }

/**
 * Handles one event.
 *
 * @throws what a cron's handler throws (unless it said `noRetry()`), and `UnmoorError` for an event that is unknown or names what the app does not have.
 */
export async function handleEvent(event: unknown, ctx: Context, signal: AbortSignal, options: EventOptions): Promise<EventResult> {
  installGlobals()
  if (isHttpEvent(event)) return handleHttp(event, ctx, signal, options)
  const { runtime } = options
  if (isSqsEvent(event)) {
    const { decodeSqsRecord: decode } = options
    if (decode === undefined)
      throw new UnmoorError('NotFound', `An event came for queue ${event.Records[0]?.eventSourceARN ?? ''}, but this app consumes no queue.`, {
        operation: 'queue',
      })
    return { json: await handleSqsEvent(event, ctx, { ...options, decode }) }
  }
  if (isScheduleEvent(event)) {
    const { cron, scheduledTime } = toScheduleCall(event, Object.keys(runtime.app.crons), Date.now())
    const { error, retry } = await runtime.cron(cron, scheduledTime, ctx)
    if (error !== undefined && retry) throw error
    return { json: null }
  }
  throw new UnmoorError(
    'Unsupported',
    `This event is of no kind that the app can take (${describe(event)}). Function URLs, HTTP APIs (payload 2.0), SQS and schedules are.`,
    { operation: 'lambda' },
  )
}

async function handleHttp(event: HttpEvent, ctx: Context, signal: AbortSignal, options: EventOptions): Promise<EventResult> {
  const { method } = event.requestContext.http
  const source = options.localFront ?? httpSource(event)
  let response = FORBIDDEN_METHODS.has(method)
    ? new Response('Method Not Allowed', { status: 405 })
    : await answer(toRequest(event, { protocol: options.localFront === undefined ? 'https' : 'http', source, signal }), ctx, options)
  if (response.bodyUsed || response.body?.locked) {
    options.log(`${method} ${event.rawPath}: the handler's answer has a body that was read already. Answer with response.clone(), or a new one.`)
    response = internalError()
  }
  if (source === 'url' && options.invokeMode === 'RESPONSE_STREAM') return toHead(response, method)
  return { json: await bufferedResult(response, event, options.log) }
}

// The fetch standard has no requests with these methods.
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])

/** The answer whole, or a 5xx and a log line where its body fails or is over Lambda's limit: never a part of it. */
async function bufferedResult(response: Response, event: HttpEvent, log: EventOptions['log']): Promise<HttpResult> {
  const { method } = event.requestContext.http
  let failed: Response
  try {
    const result = await toBufferedResult(response, method)
    if (result !== undefined) return result
    log(
      `${method} ${event.rawPath}: the answer is over Lambda's limit of ${BUFFERED_LIMIT} bytes for a buffered answer (base64 counted). Stream it through a Function URL, or answer with the address of a blob.`,
    )
    failed = new Response("The answer is over Lambda's limit for buffered answers.", { status: 502 })
  } catch (error) {
    log(`${method} ${event.rawPath}: the answer's body failed:`, error)
    failed = internalError()
  }
  return (await toBufferedResult(failed, method)) as HttpResult
}

async function answer(request: Request, ctx: Context, { runtime, handleTestChannel, variable }: EventOptions): Promise<Response> {
  if (handleTestChannel !== undefined) {
    const tested = await handleTestChannel(runtime, request, ctx, variable('UNMOOR_TEST_TOKEN'))
    if (tested !== undefined) return tested
  }
  if (runtime.assets !== undefined) {
    const asset = await runtime.assets.serve(request)
    if (asset !== undefined) return asset
  }
  return runtime.fetch(request, ctx)
}

/** The shape of an event in a few words, without its values: they may be secrets. */
function describe(event: unknown): string {
  if (typeof event !== 'object' || event === null) return event === null ? 'null' : typeof event
  const keys = Object.keys(event)
  return keys.length === 0 ? 'an empty object' : `with ${keys.slice(0, 8).join(', ')}`
}
