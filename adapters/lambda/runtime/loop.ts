import { UnmoorError } from '../../../core/errors.ts'
import { toLambdaError } from './errors.ts'
import { handleEvent, type EventOptions, type EventResult } from './events.ts'
import { checkChunk } from './http-result.ts'
import { createScope } from './invocation.ts'
import type { Invocation, ResponseStream, RuntimeClient } from './runtime-client.ts'

/** Content type that makes a streamed answer start with a head. */
export const STREAM_TYPE = 'application/vnd.awslambda.http-integration-response'
/** Between head and body. */
export const PRELUDE_END = '\0'.repeat(8)

/** The loop's state, for what ends the process from outside. */
export interface Loop {
  /** Takes no more events; resolves when the one at work is answered and its `waitUntil` work is done. */
  stop(): Promise<void>
  /** Request id of the event that is at work and not answered. */
  readonly unanswered: string | undefined
  /** Rejects if the Runtime API stays away. */
  readonly ended: Promise<void>
}

/** Takes events one by one until stopped. A failed event never ends it. */
export function runLoop(client: RuntimeClient, options: EventOptions): Loop {
  const state: { unanswered: string | undefined } = { unanswered: undefined }
  // A handler that waits for nothing but a promise must run into its timeout; without any handle, Node would end the process.
  const alive = setInterval(() => undefined, 2 ** 30)
  const ended = (async () => {
    try {
      for (;;) {
        const invocation = await client.next()
        if (invocation === undefined) return
        state.unanswered = invocation.requestId
        await handleInvocation(client, invocation, options, () => (state.unanswered = undefined))
      }
    } finally {
      clearInterval(alive)
    }
  })()
  return {
    get unanswered() {
      return state.unanswered
    },
    ended,
    async stop() {
      client.stop()
      await ended
    },
  }
}

async function handleInvocation(client: RuntimeClient, invocation: Invocation, options: EventOptions, answered: () => void): Promise<void> {
  const { requestId, traceId } = invocation
  const { log } = options
  // Where AWS's own client puts it, and the X-Ray SDK looks for it.
  if (traceId !== undefined) process.env['_X_AMZN_TRACE_ID'] = traceId
  const scope = createScope(invocation.deadline, (error) => log(`request ${requestId}: waitUntil:`, error))
  try {
    let result: EventResult
    try {
      result = await handleEvent(parse(invocation.payload), scope.ctx, scope.signal, options)
    } catch (error) {
      log(`request ${requestId} failed:`, error)
      await client.invocationError(requestId, toLambdaError(error))
      return
    }
    if ('json' in result) await client.respond(requestId, JSON.stringify(result.json))
    else await streamResult(client, requestId, result, log)
  } catch (error) {
    // The API did not take the answer. The invoker learns it from the API; the next event may do better.
    log(`request ${requestId} could not be answered:`, error)
  } finally {
    answered()
    await scope.finish()
  }
}

function parse(payload: string | undefined): unknown {
  if (payload === undefined) throw new UnmoorError('InvalidArgument', 'The Runtime API cut the event off.', { operation: 'lambda' })
  try {
    return JSON.parse(payload)
  } catch (error) {
    throw new UnmoorError('InvalidArgument', `The event is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      operation: 'lambda',
      cause: error,
    })
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
    await pipe(`${JSON.stringify(head)}${PRELUDE_END}`, body, stream, (error) => log(`request ${requestId}: the answer's body failed:`, error))
  } catch (error) {
    // Refused if the API had taken the answer, else the invoker's only one.
    await client.invocationError(requestId, toLambdaError(error)).catch(() => undefined)
    throw error
  }
}

/** Sends head and body. A body that fails ends the answer as broken; a connection that fails cancels the body and rejects. */
async function pipe(prelude: string, body: ReadableStream<Uint8Array> | null, stream: ResponseStream, bodyFailed: (error: unknown) => void): Promise<void> {
  const reader = body?.getReader()
  try {
    await stream.write(prelude)
    for (;;) {
      const chunk = reader === undefined ? undefined : await readChunk(reader)
      if (chunk === undefined) return await stream.end()
      if (chunk instanceof BodyError) {
        bodyFailed(chunk.cause)
        return await stream.end(toLambdaError(chunk.cause))
      }
      await stream.write(chunk)
    }
  } finally {
    // Nothing where the body has ended.
    reader?.cancel().catch(() => undefined)
  }
}

/** The app's failure, apart from the connection's. */
class BodyError {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | BodyError | undefined> {
  try {
    const { done, value } = await reader.read()
    return done ? undefined : checkChunk(value)
  } catch (error) {
    return new BodyError(error)
  }
}
