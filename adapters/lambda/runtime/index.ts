/**
 * `unmoor/internal/lambda/runtime`: the run-time half of the Lambda target. The generated entry of an
 * artifact calls {@link createLambda}.
 */
import process from 'node:process'
import { endInitGuard, failInit, logs, USER_AGENT } from './init-guard.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { createRuntime, type BoundDriver } from '../../../core/runtime/runtime.ts'
import type { App } from '../../../core/app.ts'
import type { TrustProxy } from '../../../core/client.ts'
import type { TestChannel } from '../../../core/runtime/test-channel.ts'
import type { EventOptions, InvokeMode, SocketsPart } from './events.ts'
import { installGlobals } from './globals.ts'
import { createHandler, type LambdaHandler } from './handler.ts'
import { HTTP_EVENT_KINDS } from '../../../core/compat/from-lambda/http-events.ts'
import { catchUncaught, isNews, prepareEvents } from '../../node-server/runtime/events.ts'
import { outsideEvents } from '../../node-server/runtime/outside-events.ts'
import { runLoop } from './loop.ts'
import { RuntimeClient } from './runtime-client.ts'
import type { DecodeSqsRecord } from './sqs-event.ts'

export type { InvokeMode } from './events.ts'
export type { LambdaHandler } from './handler.ts'
export type { DecodeSqsRecord, SqsRecord } from './sqs-event.ts'

/** Options that the entry of a Lambda artifact passes to the runtime. */
export interface LambdaOptions {
  app: App
  /** Name of the app that the Lambda runtime runs. */
  name: string
  drivers: Readonly<Record<string, BoundDriver>>
  /** Folder of the Lambda artifact: `import.meta.dirname`. */
  dir: string
  /**
   * True if this process is the Lambda runtime itself (`import.meta.main`). If false, AWS's client imports
   * the module and calls its `handler`.
   */
  main: boolean
  /**
   * Invoke mode of the Lambda Function URL. The variable UNMOOR_INVOKE_MODE overrides it. Default:
   * RESPONSE_STREAM.
   */
  invokeMode?: InvokeMode
  /** Proxies in front of AWS's own front whose `x-forwarded-for` is trusted. Default: none. */
  trustProxy?: TrustProxy
  /** Decoder of records of SQS events; needed if the app consumes queues. */
  decodeSqsRecord?: DecodeSqsRecord
  /**
   * Creates the runtime's part for WebSocket events; needed if the app declares sockets:
   * `createLambdaSockets` of `unmoor/internal/lambda/sockets`.
   */
  sockets?: () => SocketsPart
  /** The test channel, by which tests reach the app's bindings; only in builds made for tests. */
  testChannel?: TestChannel
}

/**
 * Creates the env of a Lambda app. As the main module, it then starts to handle events. Otherwise AWS's
 * client calls the handler, and errors are thrown to that client.
 */
export async function createLambda(options: LambdaOptions): Promise<{ handler: LambdaHandler }> {
  if (!options.main) return { handler: createHandler(await eventOptions(options)) }
  const api = variable('AWS_LAMBDA_RUNTIME_API')
  if (api === undefined) {
    console.error(
      'This is a Lambda function, and AWS_LAMBDA_RUNTIME_API is not set: run it in AWS Lambda, or ' +
        'locally with "unmoor start --target lambda".',
    )
    process.exit(2)
  }
  const client = new RuntimeClient(api, { userAgent: USER_AGENT })
  let events: EventOptions
  let concurrency: number
  try {
    concurrency = maxConcurrency()
    events = await eventOptions(options)
  } catch (error) {
    return failInit(client, error)
  }
  endInitGuard()
  serve(client, events, concurrency)
  return { handler: createHandler(events) }
}

const variable = (name: string): string | undefined => process.env[name]

/** Binds the `files` driver to the Lambda artifact's own copy of the assets. */
function withAssets({ drivers, app, dir }: LambdaOptions): Readonly<Record<string, BoundDriver>> {
  return Object.fromEntries(
    Object.entries(drivers).map(([binding, driver]) => {
      if (app.bindings[binding]?.kind !== 'assets' || driver.options['driver'] !== 'files')
        return [binding, driver]
      return [binding, { ...driver, options: { directory: `${dir}/assets`, ...driver.options } }]
    }),
  )
}

async function eventOptions(options: LambdaOptions): Promise<EventOptions> {
  const sockets = options.sockets?.()
  return {
    runtime: await createRuntime({
      app: options.app,
      name: options.name,
      drivers: withAssets(options),
      sockets: sockets?.transport,
      wrapDriver: outsideEvents,
      variable,
      onError: (message, error) => {
        if (isNews(error)) console.error(message, error)
      },
    }),
    variable,
    invokeMode: oneOf(INVOKE_MODES, 'UNMOOR_INVOKE_MODE') ?? options.invokeMode ?? 'RESPONSE_STREAM',
    localFront: oneOf(HTTP_EVENT_KINDS, 'UNMOOR_LOCAL_FRONT'),
    trustProxy: options.trustProxy,
    decodeSqsRecord: options.decodeSqsRecord,
    sockets,
    testChannel: options.testChannel,
    log: (message, error) => (error === undefined ? console.error(message) : console.error(message, error)),
  }
}

const INVOKE_MODES: readonly InvokeMode[] = ['RESPONSE_STREAM', 'BUFFERED']

function oneOf<T extends string>(allowed: readonly T[], name: string): T | undefined {
  const value = variable(name)
  if (value === undefined) return undefined
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined)
    throw new UnmoorError('InvalidArgument', `${name} is "${value}". It can be ${allowed.join(' or ')}.`, {
      operation: 'start',
    })
  return found
}

/**
 * Number of events that the Lambda runtime handles at once: AWS sets it on Lambda Managed Instances;
 * elsewhere it is one.
 */
function maxConcurrency(): number {
  const text = variable('AWS_LAMBDA_MAX_CONCURRENCY')
  if (text === undefined) return 1
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1) return count
  throw new UnmoorError(
    'InvalidArgument',
    `AWS_LAMBDA_MAX_CONCURRENCY is "${text}". AWS sets it to a whole number from 1.`,
    { operation: 'start' },
  )
}

function serve(client: RuntimeClient, events: EventOptions, concurrency: number): void {
  const loop = runLoop(client, events, { concurrency, ...(logs === undefined ? {} : { logs }) })
  // Handling of Lambda events is prepared while the first event is awaited.
  const prepare = (): void => {
    prepareEvents()
    installGlobals()
    if (events.invokeMode === 'RESPONSE_STREAM') client.prepareStreams()
  }
  setTimeout(prepare, 10).unref()

  loop.ended.catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
  let stopping = false
  const stop = async (exitCode: number): Promise<void> => {
    if (stopping) return
    stopping = true
    await loop.stop()
    await events.runtime.close()
    process.exit(exitCode)
  }
  process.on('SIGTERM', () => void stop(0))
  process.on('SIGINT', () => void stop(0))
  // As on the other targets, a failure within a Lambda event fails that event alone. If the failure belongs
  // to no known event, the state of the process is unknown: the events under way are answered, and Lambda
  // starts another environment.
  catchUncaught({
    noEvent(error, what) {
      events.log(
        `An ${what} of no request, message or cron. This environment answers what it has and ends:`,
        error,
      )
      void stop(1)
    },
  })
}
