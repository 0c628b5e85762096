import type { SocketTransportFactory } from '../../../core/bindings/socket-transport.ts'
import type { ClientHeader, TrustProxy } from '../../../core/client.ts'
import type { Context, OwnedContext } from '../../../core/context.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { internalError, type Runtime } from '../../../core/runtime/runtime.ts'
import type { TestChannel } from '../../../core/runtime/test-channel.ts'
import { AnswerBody } from './answer-body.ts'
import { nameEvent } from '../../node-server/runtime/events.ts'
import { readEvent } from './event.ts'
import { installGlobals } from './globals.ts'
import type { HttpCall } from './http-event.ts'
import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'
import { addHeader, removeHeader } from './incoming-headers.ts'
import { bufferedLimit, toBufferedResult, toHead, type HttpResult, type ResultHead } from './http-result.ts'
import { toScheduleCall, type ScheduleEvent } from './schedule-event.ts'
import { handleSqsEvent, type DecodeSqsRecord, type SqsBatchResponse, type SqsEvent } from './sqs-event.ts'

/** The `InvokeMode` of a Lambda Function URL. */
export type InvokeMode = 'RESPONSE_STREAM' | 'BUFFERED'

/** Options of {@link handleEvent}, the same for each Lambda event of a process. */
export interface EventOptions {
  runtime: Runtime
  invokeMode: InvokeMode
  /**
   * Kind of the local Lambda front, if there is one: its events have no domain of AWS and their protocol is
   * `http`.
   */
  localFront?: HttpEventKind | undefined
  /** Proxies in front of AWS's own front whose `x-forwarded-for` is trusted. Default: none. */
  trustProxy?: TrustProxy | undefined
  variable: (name: string) => string | undefined
  /** Decodes records of SQS events; absent in an app that consumes no queue. */
  decodeSqsRecord?: DecodeSqsRecord | undefined
  /** Handles WebSocket events; absent in an app that declares no sockets. */
  sockets?: SocketsPart | undefined
  /** The test channel, by which tests reach the app's bindings; absent in production builds. */
  testChannel?: TestChannel | undefined
  log: (message: string, error?: unknown) => void
}

/** The part of the Lambda runtime that handles events of WebSocket APIs. */
export interface SocketsPart {
  readonly transport: SocketTransportFactory
  /** Returns the result of a Lambda event; undefined if it is not an event of a WebSocket API. */
  handle(
    event: unknown,
    ctx: OwnedContext,
    signal: AbortSignal,
    options: EventOptions,
  ): Promise<EventResult> | undefined
}

/**
 * A Lambda event's result: JSON, or a head and a body for streaming Function URLs. `after` is called once the
 * JSON is answered, and may add work to `ctx.waitUntil`.
 */
export type EventResult =
  | { readonly json: unknown; readonly after?: (() => void) | undefined }
  | { readonly head: ResultHead; readonly body: AnswerBody | null }

/**
 * Handles one Lambda event.
 *
 * @throws the error of a cron's handler (unless it called `noRetry()`), and `UnmoorError` for an event that
 * is unknown or names something that the app does not have.
 */
export async function handleEvent(
  event: unknown,
  ctx: OwnedContext,
  signal: AbortSignal,
  options: EventOptions,
): Promise<EventResult> {
  installGlobals()
  const ofSocket = options.sockets?.handle(event, ctx, signal, options)
  if (ofSocket !== undefined) return ofSocket
  const { localFront, trustProxy } = options
  const read = readEvent(event, { localFront, trustProxy, signal })
  switch (read.source) {
    case 'sqs':
      nameEvent(`queue ${read.batch.Records[0]?.eventSourceARN ?? ''}`)
      return { json: await handleBatch(read.batch, ctx, options) }
    case 'schedule':
      nameEvent('cron')
      return { json: await handleSchedule(read.schedule, ctx, options) }
    default:
      nameEvent(`${read.method} ${read.path}`)
      ctx.sentBy(read.client)
      setClientHeader(read, options.runtime.app.clientHeader)
      return handleHttp(read, ctx, options)
  }
}

/** Sets the request header for the client's address, whatever the client sent in it. */
function setClientHeader({ request, client }: HttpCall, name: ClientHeader | undefined): void {
  if (name === undefined || request === undefined) return
  const { address } = client.client.remote
  if (address === undefined) removeHeader(request.headers, name)
  else addHeader(request.headers, name, address, true)
}

async function handleBatch(batch: SqsEvent, ctx: Context, options: EventOptions): Promise<SqsBatchResponse> {
  const { decodeSqsRecord: decode } = options
  if (decode !== undefined) return handleSqsEvent(batch, ctx, { ...options, decode })
  const queue = batch.Records[0]?.eventSourceARN ?? ''
  throw new UnmoorError('NotFound', `An event came for queue ${queue}, but this app consumes no queue.`, {
    operation: 'queue',
  })
}

async function handleSchedule(
  schedule: ScheduleEvent,
  ctx: Context,
  { runtime }: EventOptions,
): Promise<null> {
  const { cron, scheduledTime } = toScheduleCall(schedule, Object.keys(runtime.app.crons), Date.now())
  const { error, retry } = await runtime.cron(cron, scheduledTime, ctx)
  if (error !== undefined && retry) throw error
  return null
}

async function handleHttp(call: HttpCall, ctx: Context, options: EventOptions): Promise<EventResult> {
  const { source, method, path, request } = call
  let response =
    request === undefined
      ? new Response('Method Not Allowed', { status: 405 })
      : await answer(request, ctx, options)
  if (response.bodyUsed || response.body?.locked) {
    options.log(
      `${method} ${path}: the handler's answer has a body that was read already. Answer with ` +
        'response.clone(), or a new one.',
    )
    response = internalError()
  }
  if (source === 'url' && options.invokeMode === 'RESPONSE_STREAM')
    return streamedResult(response, call, options.log)
  return { json: await bufferedResult(response, call, options.log) }
}

/**
 * Returns the head and body of a Lambda function's streamed answer. If the body fails by the end of this
 * turn, the answer is a 500 and an error is logged.
 */
async function streamedResult(
  response: Response,
  { method, path }: HttpCall,
  log: EventOptions['log'],
): Promise<EventResult> {
  const { head, body } = toHead(response, method)
  try {
    return { head, body: body === null ? null : await AnswerBody.open(body) }
  } catch (error) {
    log(`${method} ${path}: the answer could not be sent:`, error)
    const failed = toHead(internalError(), method)
    return { head: failed.head, body: failed.body === null ? null : await AnswerBody.open(failed.body) }
  }
}

/**
 * Returns a whole buffered answer of a Lambda function. If its body fails or is over the limit, the answer is
 * a 5xx and an error is logged; a partial body is never sent.
 */
async function bufferedResult(
  response: Response,
  { source, method, path }: HttpCall,
  log: EventOptions['log'],
): Promise<HttpResult> {
  let failed: Response
  try {
    const result = await toBufferedResult(response, method, source)
    if (result !== undefined) return result
    log(
      `${method} ${path}: the answer is over the limit of ${bufferedLimit(source)} bytes for a buffered ` +
        'answer (base64 counted). Stream it through a Function URL, or answer with the address of a blob.',
    )
    failed = new Response('The answer is over the limit for buffered answers.', { status: 502 })
  } catch (error) {
    void response.body?.cancel().catch(() => undefined)
    log(`${method} ${path}: the answer could not be sent:`, error)
    failed = internalError()
  }
  return (await toBufferedResult(failed, method, source)) as HttpResult
}

async function answer(
  request: Request,
  ctx: Context,
  { runtime, testChannel, variable }: EventOptions,
): Promise<Response> {
  if (testChannel !== undefined) {
    const tested = await testChannel(runtime, request, ctx, variable('UNMOOR_TEST_TOKEN'))
    if (tested !== undefined) return tested
  }
  if (runtime.assets !== undefined) {
    const asset = await runtime.assets.serve(request)
    if (asset !== undefined) return asset
  }
  return runtime.fetch(request, ctx)
}
