import process from 'node:process'
import { UnmoorError } from '../../../core/errors.ts'
import type { AnswerBody } from './answer-body.ts'
import { isNews, runEvent } from '../../node-server/runtime/events.ts'
import { toLambdaError } from './errors.ts'
import { handleEvent, type EventOptions, type EventResult } from './events.ts'
import { createScope } from './invocation.ts'
import type { Logs } from './logs.ts'
import type { Invocation, ResponseStream, RuntimeClient } from './runtime-client.ts'

/** Content type that makes a streamed Lambda answer start with a head. */
export const STREAM_TYPE = 'application/vnd.awslambda.http-integration-response'
/** Separator between head and body of a streamed Lambda answer. */
export const PRELUDE_END = '\0'.repeat(8)

/** Settings of {@link runLoop}. */
export interface LoopSettings {
  /** Number of Lambda events handled at once, each requested by a separate call. Default: 1. */
  concurrency?: number
  /** Associates log lines with Lambda events. Default: log lines do not name their event. */
  logs?: Logs
}

/** The state of the Lambda event loop, for code that ends the process. */
export interface Loop {
  /**
   * Takes no more Lambda events; resolves when the events under way are answered and their `waitUntil` work
   * is done.
   */
  stop(): Promise<void>
  /** Request ids of Lambda events under way that are not answered. */
  readonly unanswered: ReadonlySet<string>
  /** Rejects if Lambda's Runtime API cannot be reached any more. */
  readonly ended: Promise<void>
}

/**
 * Handles Lambda events until stopped: one by one, or `concurrency` at once. A failed event never ends the
 * loop.
 */
export function runLoop(
  client: RuntimeClient,
  options: EventOptions,
  { concurrency = 1, logs }: LoopSettings = {},
): Loop {
  const unanswered = new Set<string>()
  // A handler that waits only for a promise must run into Lambda's timeout; without any open handle, Node
  // would end the process.
  const alive = setInterval(() => undefined, 2 ** 30)
  const work = async (): Promise<void> => {
    for (;;) {
      const invocation = await client.next()
      if (invocation === undefined) return
      const { requestId, traceId } = invocation
      unanswered.add(requestId)
      // The X-Ray trace id is set where AWS's own client sets it and the X-Ray SDK reads it. A process has
      // only one, so with several events at once it could belong to another event.
      if (concurrency === 1) setTraceId(traceId)
      const handle = (): Promise<void> =>
        runEvent({ name: `request ${requestId}` }, handleInvocation, client, invocation, options, () =>
          unanswered.delete(requestId),
        )
      await (logs === undefined ? handle() : logs.run({ requestId, traceId }, handle))
    }
  }
  const ended = Promise.all(Array.from({ length: concurrency }, work)).then(
    () => clearInterval(alive),
    (error: unknown) => {
      clearInterval(alive)
      throw error
    },
  )
  return {
    unanswered,
    ended,
    async stop() {
      client.stop()
      await ended
    },
  }
}

function setTraceId(traceId: string | undefined): void {
  if (traceId === undefined) delete process.env['_X_AMZN_TRACE_ID']
  else process.env['_X_AMZN_TRACE_ID'] = traceId
}

async function handleInvocation(
  client: RuntimeClient,
  invocation: Invocation,
  options: EventOptions,
  answered: () => void,
): Promise<void> {
  const { requestId } = invocation
  const { log } = options
  const scope = createScope(invocation.deadline, requestId, (error) => {
    if (isNews(error)) log(`request ${requestId}: waitUntil:`, error)
  })
  try {
    let result: EventResult
    try {
      result = await handleEvent(parse(invocation.payload), scope.ctx, scope.signal, options)
    } catch (error) {
      log(`request ${requestId} failed:`, error)
      await client.invocationError(requestId, toLambdaError(error))
      return
    }
    if ('json' in result) {
      await client.respond(requestId, JSON.stringify(result.json))
      result.after?.()
    } else await streamResult(client, requestId, result, log)
  } catch (error) {
    // The Runtime API refused the answer and reports that to the invoker; the next event may succeed.
    log(`request ${requestId} could not be answered:`, error)
  } finally {
    answered()
    await scope.finish()
  }
}

function parse(payload: string | undefined): unknown {
  if (payload === undefined)
    throw new UnmoorError('InvalidArgument', 'The Runtime API cut the event off.', { operation: 'lambda' })
  try {
    return JSON.parse(payload)
  } catch (error) {
    throw new UnmoorError(
      'InvalidArgument',
      `The event is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      {
        operation: 'lambda',
        cause: error,
      },
    )
  }
}

async function streamResult(
  client: RuntimeClient,
  requestId: string,
  { head, body }: Extract<EventResult, { head: unknown }>,
  log: EventOptions['log'],
): Promise<void> {
  const stream = client.stream(requestId, STREAM_TYPE)
  try {
    await pipe(`${JSON.stringify(head)}${PRELUDE_END}`, body, stream, (error) =>
      log(`request ${requestId}: the answer's body failed:`, error),
    )
  } catch (error) {
    // The Runtime API refuses this error if it had taken the answer; otherwise the error is the invoker's
    // only answer.
    await client.invocationError(requestId, toLambdaError(error)).catch(() => undefined)
    throw error
  }
}

/**
 * Sends the head and the body of a streamed Lambda answer. A body that fails ends the answer as broken; a
 * connection that fails cancels the body and rejects.
 */
async function pipe(
  prelude: string,
  body: AnswerBody | null,
  stream: ResponseStream,
  bodyFailed: (error: unknown) => void,
): Promise<void> {
  try {
    await stream.write(prelude)
    for (;;) {
      const chunk = body === null ? undefined : await readChunk(body)
      if (chunk === undefined) return await stream.end()
      if (chunk instanceof BodyError) {
        bodyFailed(chunk.cause)
        return await stream.end(toLambdaError(chunk.cause))
      }
      await stream.write(chunk)
    }
  } finally {
    // `cancel` does nothing if the answer's body has ended.
    body?.cancel()
  }
}

/** A failure of the app's response body, distinct from one of the connection to the Runtime API. */
class BodyError {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}

async function readChunk(body: AnswerBody): Promise<Uint8Array | BodyError | undefined> {
  try {
    return await body.next()
  } catch (error) {
    return new BodyError(error)
  }
}
