import type { Bindings, Env } from '../../bindings/declarations.ts'
import type { Context } from '../../context.ts'

/**
 * What a handler gets as its second argument: the fields of `Context` of `aws-lambda`, and the way to the
 * app's own bindings.
 */
export interface LambdaContext<B extends Bindings = Bindings> {
  /**
   * On AWS, whether an answer by callback waits for all timers and sockets. Here it never does; work for
   * afterwards goes to `unmoor.ctx.waitUntil`.
   */
  callbackWaitsForEmptyEventLoop: boolean
  readonly functionName: string
  readonly functionVersion: string
  readonly invokedFunctionArn: string
  readonly memoryLimitInMB: string
  /** New for each invocation. */
  readonly awsRequestId: string
  readonly logGroupName: string
  readonly logStreamName: string
  readonly identity: undefined
  readonly clientContext: undefined
  /** Milliseconds until the timeout. */
  getRemainingTimeInMillis(): number
  /** Answers as the callback does. */
  done(error?: Error | null, result?: unknown): void
  fail(error: Error | string): void
  succeed(result?: unknown): void
  /** What handlers of an unmoor app get: move to bindings through it, one call at a time. */
  readonly unmoor: { readonly env: Env<B>; readonly ctx: Context }
}

/** Options of the function that a context tells; see `FromLambdaOptions`. */
export interface FunctionOptions {
  readonly functionName: string
  readonly memoryLimitInMB: number
  /** Seconds. */
  readonly timeout: number
}

type Answer = (error: Error | string | null | undefined, result?: unknown) => void

/** The context of one invocation; `answer` is what the handler's callback is. */
export function createLambdaContext(
  options: FunctionOptions,
  deadline: number,
  unmoor: LambdaContext['unmoor'],
  answer: Answer,
): LambdaContext {
  const { functionName } = options
  const now = new Date()
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: String(options.memoryLimitInMB),
    awsRequestId: crypto.randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: `${now.toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]unmoor`,
    identity: undefined,
    clientContext: undefined,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: (error, result) => answer(error, result),
    fail: (error) => answer(error),
    succeed: (result) => answer(null, result),
    unmoor,
  }
}
