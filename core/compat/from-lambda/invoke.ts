import type { Bindings } from '../../bindings/declarations.ts'
import type { Context } from '../../context.ts'
import { UnmoorError } from '../../errors.ts'
import { isStreaming } from './awslambda.ts'
import { createLambdaContext, type FunctionOptions, type LambdaContext } from './context.ts'
import { ResponseStream, type StreamHead } from './response-stream.ts'

/**
 * A Lambda handler as AWS calls it: `(event, context)`, with a callback, or `(event, responseStream,
 * context)` under `awslambda.streamifyResponse`.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- types of their own, as aws-lambda's
export type LambdaHandler = (event: any, context: any, callback: any) => unknown

/** One call of a Lambda handler. */
export interface Invocation {
  readonly handler: LambdaHandler
  readonly event: unknown
  readonly options: FunctionOptions
  readonly env: unknown
  readonly ctx: Context
}

/**
 * Calls a Lambda handler. Resolves with the value of its promise or callback, whichever comes first; rejects
 * with what the handler throws.
 *
 * @throws `Timeout` after the function's time-out; `InvalidArgument` for a handler that can never answer.
 */
export async function invoke({ handler, event, options, env, ctx }: Invocation): Promise<unknown> {
  if (isStreaming(handler)) return collect(startStreaming({ handler, event, options, env, ctx }))
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const answer = (error: Error | string | null | undefined, result?: unknown): void =>
    error ? reject(asError(error)) : resolve(result)
  const clock = startClock(options, reject)
  try {
    const context = createLambdaContext(options, clock.deadline, unmoorOf(env, ctx), answer)
    const returned = handler(event, context, answer)
    if (isPromise(returned)) returned.then(resolve, reject)
    else if (handler.length < 3 && returned !== undefined)
      reject(neverAnswers('returned no promise and takes no callback'))
    return await promise
  } finally {
    clock.stop()
  }
}

/** A running call of a streaming Lambda handler. */
export interface Streaming {
  /**
   * Head (status, headers, cookies) of a Lambda handler's streamed answer. Rejects if the handler fails
   * before it writes.
   */
  readonly head: Promise<StreamHead>
  /** Body of a Lambda handler's streamed answer. Errors if the handler fails after its first write. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>
  /**
   * Resolves when a streaming Lambda handler is done and its stream has ended, with the error if it failed.
   * Never rejects.
   */
  readonly ended: Promise<unknown>
}

/** Starts a streaming Lambda handler. */
export function startStreaming({ handler, event, options, env, ctx }: Invocation): Streaming {
  const stream = new ResponseStream()
  const { head, body } = stream
  const run = async (): Promise<unknown> => {
    let failure: unknown
    const fail = (error: unknown): void => {
      failure ??= error
      stream.destroy(asError(error))
    }
    const clock = startClock(options, fail)
    try {
      const context = createLambdaContext(
        options,
        clock.deadline,
        unmoorOf(env, ctx),
        (error) => error && fail(error),
      )
      const returned = handler(event, stream, context)
      if (!isPromise(returned)) throw neverAnswers('streams and returned no promise')
      // A streamed answer ends when its stream ends, not when the Lambda handler returns, as on AWS.
      await Promise.race([returned, stream.finished])
      await stream.finished
      await returned
    } catch (error) {
      fail(error)
    } finally {
      clock.stop()
    }
    return failure ?? stream.errored ?? undefined
  }
  return { head, body, ended: run() }
}

/** Returns the JSON that a streaming Lambda handler wrote, for events whose answers are not streamed. */
async function collect({ head, body, ended }: Streaming): Promise<unknown> {
  await head
  const text = await new Response(body).text()
  const error = await ended
  if (error !== undefined) throw asError(error)
  return text === '' ? undefined : (JSON.parse(text) as unknown)
}

function unmoorOf(env: unknown, ctx: Context): LambdaContext['unmoor'] {
  return { env: env as LambdaContext<Bindings>['unmoor']['env'], ctx }
}

/** Starts the timer that ends a Lambda invocation at its time-out. */
function startClock(
  { timeout, functionName }: FunctionOptions,
  end: (error: Error) => void,
): { deadline: number; stop(): void } {
  const timer = setTimeout(
    () =>
      end(
        new UnmoorError(
          'Timeout',
          `The Lambda handler of "${functionName}" did not answer within ${timeout} s.`,
          { operation: 'lambda' },
        ),
      ),
    timeout * 1000,
  )
  return { deadline: Date.now() + timeout * 1000, stop: () => clearTimeout(timer) }
}

function neverAnswers(what: string): UnmoorError {
  return new UnmoorError(
    'InvalidArgument',
    `The Lambda handler ${what}. Make it async, or let it take the callback as its third parameter.`,
    {
      operation: 'lambda',
    },
  )
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Promise<unknown>).then === 'function'
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(typeof error === 'string' ? error : JSON.stringify(error))
}
