/**
 * `unmoor/from-lambda`: makes an app of an existing AWS Lambda handler, so that it runs on every target. Web
 * standards only.
 */
import { defineApp, type App, type CronEvent } from '../../app.ts'
import { constantCase, type Bindings, type QueueNames } from '../../bindings/declarations.ts'
import type { QueueBatch } from '../../bindings/queue.ts'
import type { Secret } from '../../bindings/secret.ts'
import type { Context } from '../../context.ts'
import { invalidArgument } from '../../errors.ts'
import { installGlobals, isStreaming, processEnv } from './awslambda.ts'
import type { FunctionOptions } from './context.ts'
import { answer, toEvent } from './http.ts'
import { HTTP_EVENT_KINDS, type HttpEventKind } from './http-events.ts'
import { invoke, type LambdaHandler } from './invoke.ts'
import { toSchedule, toScheduledEvent } from './schedule.ts'
import { settle, toSqsEvent } from './sqs.ts'

export type { HttpEventKind } from './http-events.ts'
export type { LambdaContext } from './context.ts'
export type { LambdaHandler } from './invoke.ts'

// The globals of AWS's runtime are installed at import: Lambda handlers use them while their modules load.
installGlobals()

/** Options of a queue whose batches a Lambda handler gets as SQS events. */
export interface FromLambdaQueue {
  /** Lambda handler of the queue's SQS events. Default: the app's handler. */
  handler?: LambdaHandler
  /**
   * `eventSourceARN` of the queue's SQS records. A name that ends in `.fifo` applies the rules of FIFO
   * batches. Default: `arn:aws:sqs:us-east-1:000000000000:` and the binding's name.
   */
  arn?: string
  /**
   * If true, `batchItemFailures` in the Lambda handler's answer selects the messages to retry, as with
   * `ReportBatchItemFailures` of an event source mapping. If false, only a throw retries. Default: true.
   */
  reportBatchItemFailures?: boolean
}

/** Options of a schedule that runs a Lambda handler. */
export interface FromLambdaCron {
  /**
   * Schedule of a Lambda handler as five fields in UTC, or as EventBridge's `cron(...)` or `rate(...)` if
   * five fields can express it.
   */
  schedule: string
  /** Lambda handler of the schedule's events. Default: the app's handler. */
  handler?: LambdaHandler
  /**
   * Event that the schedule sends to the Lambda handler, for a rule with a constant input. Default:
   * EventBridge's `Scheduled Event` of a rule with the cron's name.
   */
  input?: unknown
}

/** Options of {@link fromLambda}; every one is optional. */
export interface FromLambdaOptions<B extends Bindings = Bindings, CronName extends string = string> {
  /**
   * Bindings of the app. The Lambda handler reaches them as `context.unmoor.env`; variables and secrets also
   * as `process.env.NAME_IN_CONSTANT_CASE`. Default: none.
   */
  bindings?: B
  /**
   * AWS front end that the Lambda function was behind, which decides the form of HTTP events and answers;
   * `none` for a handler without HTTP events. Default: `v2`; `url` for a streaming handler.
   */
  event?: HttpEventKind | 'none'
  /**
   * Declared queues whose batches the Lambda handler gets as SQS events, by name or with options. Default:
   * none.
   */
  queues?: readonly QueueNames<B>[] | { readonly [Name in QueueNames<B>]?: FromLambdaQueue | LambdaHandler }
  /** Schedules by name, each of which runs the app's Lambda handler or one of its own. Default: none. */
  crons?: Readonly<Record<CronName, string | FromLambdaCron>>
  /**
   * Returns the client's address for `requestContext` and X-Forwarded-For of HTTP events, from a source that
   * cannot be forged, such as `cf-connecting-ip` on Cloudflare. Default: 0.0.0.0.
   */
  sourceIp?: (request: Request) => string | undefined
  /** Function name in the Lambda context. Default: `function`. */
  functionName?: string
  /** Memory size in MB in the Lambda context; the target's own limit is what applies. Default: 128. */
  memoryLimitInMB?: number
  /**
   * Time-out of one Lambda event in seconds, 1 to 900. After it an HTTP client gets a 504, and a batch or
   * schedule fails. Default: 30.
   */
  timeout?: number
}

/**
 * Makes an app of a Lambda handler for API Gateway, Function URL, load balancer, SQS and schedule events:
 * async, with a callback, or streaming.
 *
 * @throws `InvalidArgument` if `handler` is not a function, and for options that contradict each other or the
 * bindings.
 *
 * @example
 * ```ts
 * import { fromLambda } from 'unmoor/from-lambda'
 *
 * const handler = async (event: unknown) => ({ statusCode: 200, body: JSON.stringify(event) })
 *
 * export default fromLambda(handler, { event: 'v2', crons: { nightly: '0 3 * * *' } })
 * ```
 */
export function fromLambda<const B extends Bindings = {}, CronName extends string = string>(
  handler: LambdaHandler,
  options: FromLambdaOptions<B, CronName> = {},
): App<B, CronName> {
  checkHandler('handler', handler)
  const { event = isStreaming(handler) ? 'url' : 'v2', bindings, sourceIp } = options
  if (!EVENTS.has(event)) throw refuse(`event: "${String(event)}" is none of ${[...EVENTS].join(', ')}`)
  if (isStreaming(handler) && event !== 'url' && event !== 'none')
    throw refuse(`event: a streaming handler stands behind a Function URL; write event: "url"`)
  const settings = functionOptions(options)
  const prepare = environmentOf(bindings ?? {})
  const call = async (own: LambdaHandler, event: unknown, env: unknown, ctx: Context): Promise<unknown> => {
    await prepare(env)
    return invoke({ handler: own, event, options: settings, env, ctx })
  }
  const fetch = async (request: Request, env: unknown, ctx: Context): Promise<Response> => {
    await prepare(env)
    const made = await toEvent(request, event as HttpEventKind, sourceIp?.(request))
    return answer(request, event as HttpEventKind, { handler, event: made, options: settings, env, ctx })
  }
  const app: App = defineApp({
    ...(bindings === undefined ? {} : { bindings: bindings as Bindings }),
    ...(event === 'none' ? {} : { fetch }),
    queues: queueHandlers(handler, options.queues ?? [], call),
    crons: cronHandlers(handler, options.crons ?? {}, call),
  })
  // The Lambda handler's app has the bindings and crons of the options, so the cast to their types holds.
  return app as App<B, CronName>
}

const EVENTS: ReadonlySet<string> = new Set<HttpEventKind | 'none'>([...HTTP_EVENT_KINDS, 'none'])

type Call = (handler: LambdaHandler, event: unknown, env: unknown, ctx: Context) => Promise<unknown>

function queueHandlers(
  handler: LambdaHandler,
  queues: readonly PropertyKey[] | object,
  call: Call,
): Record<string, (batch: QueueBatch, env: unknown, ctx: Context) => Promise<void>> {
  const entries: [string, FromLambdaQueue | LambdaHandler][] = Array.isArray(queues)
    ? queues.map((name: PropertyKey) => [String(name), {}])
    : Object.entries(queues)
  return Object.fromEntries(
    entries.map(([name, given]) => {
      const own: FromLambdaQueue = typeof given === 'function' ? { handler: given } : given
      checkHandler(`queues.${name}`, own.handler ?? handler)
      const { arn = `arn:aws:sqs:us-east-1:000000000000:${name}`, reportBatchItemFailures = true } = own
      const run = async (batch: QueueBatch, env: unknown, ctx: Context): Promise<void> => {
        const result = await call(own.handler ?? handler, toSqsEvent(batch, arn), env, ctx)
        const wrong = settle(batch, reportBatchItemFailures ? result : undefined, arn.endsWith('.fifo'))
        if (wrong !== undefined) console.error(`queue ${name}: ${wrong}`)
      }
      return [name, run]
    }),
  )
}

function cronHandlers(
  handler: LambdaHandler,
  crons: Readonly<Record<string, string | FromLambdaCron>>,
  call: Call,
): Record<
  string,
  { schedule: string; run: (event: CronEvent, env: unknown, ctx: Context) => Promise<void> }
> {
  return Object.fromEntries(
    Object.entries(crons).map(([name, given]) => {
      const own: FromLambdaCron = typeof given === 'string' ? { schedule: given } : given
      checkHandler(`crons.${name}`, own.handler ?? handler)
      const run = async (event: CronEvent, env: unknown, ctx: Context): Promise<void> => {
        await call(
          own.handler ?? handler,
          'input' in own ? own.input : toScheduledEvent(name, event.scheduledTime),
          env,
          ctx,
        )
      }
      return [name, { schedule: toSchedule(name, own.schedule), run }]
    }),
  )
}

/**
 * Returns a function that copies the app's variables and secrets into `process.env`, once, unless already set
 * there: Lambda handlers read their settings from it.
 */
function environmentOf(bindings: Bindings): (env: unknown) => Promise<void> {
  const wanted = Object.entries(bindings).filter(([, { kind }]) => kind === 'variable' || kind === 'secret')
  let done: Promise<void> | undefined
  const fill = async (env: Readonly<Record<string, string | Secret<string | null>>>): Promise<void> => {
    const variables = processEnv()
    for (const [name] of wanted) {
      const bound = env[name]
      const value = typeof bound === 'object' ? await bound.get() : bound
      if (value !== undefined && value !== null) variables[constantCase(name)] ??= value
    }
  }
  return async (env) => {
    if (wanted.length === 0) return
    done ??= fill(env as Parameters<typeof fill>[0])
    try {
      await done
    } catch (error) {
      // After a failure to read a secret, the next Lambda event reads the secret store again.
      done = undefined
      throw error
    }
  }
}

function functionOptions({
  functionName = 'function',
  memoryLimitInMB = 128,
  timeout = 30,
}: Partial<FunctionOptions>): FunctionOptions {
  if (typeof timeout !== 'number' || !(timeout >= 1 && timeout <= 900))
    throw refuse(`timeout is a number of seconds from 1 to 900, not ${String(timeout)}`)
  return { functionName, memoryLimitInMB, timeout }
}

function checkHandler(where: string, handler: unknown): void {
  if (typeof handler !== 'function')
    throw refuse(
      `${where} is ${handler === null ? 'null' : typeof handler}, not a function. Give it what the ` +
        `handler's module exports`,
    )
}

function refuse(what: string): Error {
  return invalidArgument({ operation: 'fromLambda' }, `fromLambda: ${what}.`)
}
