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

// Installed at import, which must come before the handler's: the handler may use them while it loads.
installGlobals()

/** How a queue's batches reach a handler. */
export interface FromLambdaQueue {
  /** Default: the app's. */
  handler?: LambdaHandler
  /**
   * What the records tell as `eventSourceARN`; `.fifo` at its end applies the rules of FIFO batches. Default:
   * `arn:aws:sqs:us-east-1:000000000000:` and the binding's name.
   */
  arn?: string
  /**
   * If true, the answer's `batchItemFailures` counts, as with the event source mapping's
   * `ReportBatchItemFailures`. If false, only a throw retries. Default: true.
   */
  reportBatchItemFailures?: boolean
}

/** How a schedule reaches a handler. */
export interface FromLambdaCron {
  /** Five fields in UTC, or EventBridge's `cron(...)` or `rate(...)` where five fields can say it. */
  schedule: string
  /** Default: the app's. */
  handler?: LambdaHandler
  /**
   * The event, where the rule or schedule has a constant input. Default: EventBridge's `Scheduled Event` of a
   * rule of the cron's name.
   */
  input?: unknown
}

/** Options of {@link fromLambda}; every one is optional. */
export interface FromLambdaOptions<B extends Bindings = Bindings, CronName extends string = string> {
  /**
   * The app's bindings. The handler reaches them as `context.unmoor.env`; variables and secrets also as
   * `process.env.NAME_IN_CONSTANT_CASE`. Default: none.
   */
  bindings?: B
  /**
   * What stood before the function, and so the form of HTTP events and answers; `none` for a handler that
   * takes none. Default: `v2`; `url` for a streaming handler.
   */
  event?: HttpEventKind | 'none'
  /** Declared queues whose batches are SQS events, by name or with options. Default: none. */
  queues?: readonly QueueNames<B>[] | { readonly [Name in QueueNames<B>]?: FromLambdaQueue | LambdaHandler }
  /** Schedules by name, for the handler or one of its own. Default: none. */
  crons?: Readonly<Record<CronName, string | FromLambdaCron>>
  /**
   * The client's address, for `requestContext` and X-Forwarded-For, where the target tells it in a way that
   * cannot be forged, such as `cf-connecting-ip` on Cloudflare. Default: 0.0.0.0.
   */
  sourceIp?: (request: Request) => string | undefined
  /** What the context tells. Default: `function`. */
  functionName?: string
  /** What the context tells; the target's own limit counts. Default: 128. */
  memoryLimitInMB?: number
  /**
   * Seconds for one event, 1 to 900; then the client gets a 504, and a batch or a schedule fails. Default:
   * 30.
   */
  timeout?: number
}

/**
 * Makes an app of a handler for API Gateway, Function URL, load balancer, SQS and schedule events: async,
 * with a callback, or streaming.
 *
 * @throws `InvalidArgument` for what is no handler, and for options that contradict each other or the
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
  // Put together from the same options, by names that their types have.
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
 * Puts the app's variables and secrets into `process.env`, once, where they are not there already: handlers
 * read their settings from it.
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
      // A secret store that is away is asked again by the next event.
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
