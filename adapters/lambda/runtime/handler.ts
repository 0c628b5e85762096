import { handleEvent, type EventOptions, type EventResult } from './events.ts'
import { createScope } from './invocation.ts'
import { PRELUDE_END, STREAM_TYPE } from './loop.ts'

/** The fields that are read of the context that AWS's Lambda client passes. */
interface LambdaContext {
  readonly awsRequestId: string
  getRemainingTimeInMillis(): number
}

/** The response stream that AWS's Lambda client passes to a streaming handler. */
interface AwsResponseStream extends NodeJS.WritableStream {
  setContentType(type: string): void
}

/** The global `awslambda` that AWS's base image and aws-lambda-ric set. */
interface AwsLambda {
  streamifyResponse(
    handler: (event: unknown, stream: AwsResponseStream, context: LambdaContext) => Promise<void>,
  ): LambdaHandler
}

/**
 * A handler that AWS's Node.js client for Lambda can call. Its parameters are the event and the context; a
 * streaming handler has the stream between them.
 */
export type LambdaHandler = (...args: never[]) => Promise<unknown>

/**
 * Creates the handler for AWS's own Lambda client: streaming if the client supports it and `invokeMode` asks
 * for it, else buffered. The client ends an invocation with the handler, so `waitUntil` work is finished
 * first: a streamed answer has reached its reader by then, a buffered one waits for the work.
 */
export function createHandler(options: EventOptions): LambdaHandler {
  const { awslambda } = globalThis as { awslambda?: AwsLambda }
  // A WebSocket's `open` handler runs after the answer to `$connect`, and only a streaming Lambda handler can
  // run code after its answer.
  const streams = options.invokeMode === 'RESPONSE_STREAM' || options.sockets !== undefined
  if (streams && awslambda?.streamifyResponse !== undefined) {
    return awslambda.streamifyResponse((event, stream, context) =>
      streamingHandler(event, stream, context, options),
    )
  }
  return (event: unknown, context: LambdaContext) => bufferedHandler(event, context, options)
}

function scopeOf(context: LambdaContext, { log }: EventOptions): ReturnType<typeof createScope> {
  const deadline = Date.now() + context.getRemainingTimeInMillis()
  return createScope(deadline, context.awsRequestId, (error) => log('waitUntil:', error))
}

async function bufferedHandler(
  event: unknown,
  context: LambdaContext,
  options: EventOptions,
): Promise<unknown> {
  const scope = scopeOf(context, options)
  try {
    const result = await handleEvent(event, scope.ctx, scope.signal, options)
    if (!('json' in result)) return undefined
    result.after?.()
    return result.json
  } finally {
    await scope.finish()
  }
}

async function streamingHandler(
  event: unknown,
  stream: AwsResponseStream,
  context: LambdaContext,
  options: EventOptions,
): Promise<void> {
  const scope = scopeOf(context, options)
  let result: EventResult | undefined
  try {
    result = await handleEvent(event, scope.ctx, scope.signal, options)
    if ('json' in result) {
      // Lambda events that are not streamed return plain JSON, which Invoke returns unchanged.
      stream.setContentType('application/json')
      stream.write(JSON.stringify(result.json))
    } else {
      // The prelude of a streamed answer is written by hand: HttpResponseStream.from only sends it with the
      // first write, so an answer without a body hung (aws-lambda-nodejs-runtime-interface-client#95).
      stream.setContentType(STREAM_TYPE)
      stream.write(`${JSON.stringify(result.head)}${PRELUDE_END}`)
      // An error thrown here reaches AWS's Lambda client, which ends the answer as broken.
      for (let chunk = await result.body?.next(); chunk !== undefined; chunk = await result.body?.next())
        if (!stream.write(chunk)) await drained(stream)
    }
    await new Promise<void>((resolve) => stream.end(resolve))
    if ('json' in result) result.after?.()
  } finally {
    // `cancel` does nothing if the answer's body has ended.
    if (result !== undefined && 'body' in result) result.body?.cancel()
    await scope.finish()
  }
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('drain', resolve)
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('The response stream was closed')))
  })
}
