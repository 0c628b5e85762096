import type { Bindings, Env } from '../../bindings/declarations.ts'
import type { Context } from '../../context.ts'

/**
 * Second argument of a Lambda handler: the fields of `Context` of `aws-lambda`, and access to the app's own
 * bindings.
 */
export interface LambdaContext<B extends Bindings = Bindings> {
  /**
   * Field of Lambda's context that has no effect here. On AWS, true makes a callback's answer wait for all
   * timers and sockets. Work after the answer belongs in `unmoor.ctx.waitUntil`.
   */
  callbackWaitsForEmptyEventLoop: boolean
  readonly functionName: string
  readonly functionVersion: string
  readonly invokedFunctionArn: string
  readonly memoryLimitInMB: string
  /** Random id of the Lambda invocation. */
  readonly awsRequestId: string
  readonly logGroupName: string
  readonly logStreamName: string
  readonly identity: undefined
  readonly clientContext: undefined
  /** Returns the milliseconds left until the Lambda invocation times out. */
  getRemainingTimeInMillis(): number
  /** Completes the Lambda invocation with an error or result, like the callback. */
  done(error?: Error | null, result?: unknown): void
  fail(error: Error | string): void
  succeed(result?: unknown): void
  /**
   * The env and ctx of the unmoor app around a Lambda handler, for moving a Lambda handler to bindings one
   * call at a time.
   */
  readonly unmoor: { readonly env: Env<B>; readonly ctx: Context }
}

/** Settings of a Lambda function that its context reports; see `FromLambdaOptions`. */
export interface FunctionOptions {
  readonly functionName: string
  readonly memoryLimitInMB: number
  /** Time-out of one Lambda invocation, in seconds. */
  readonly timeout: number
}

type Answer = (error: Error | string | null | undefined, result?: unknown) => void

/** Creates the Lambda context of one invocation; `answer` is the callback of Node style that ends it. */
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
