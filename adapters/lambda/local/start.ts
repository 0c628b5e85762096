import { join } from 'node:path'
import type { LocalRuntime, StartOptions } from '../../../core/adapter.ts'
import { constantCase } from '../../../core/bindings/declarations.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { capabilitiesOf } from '../capabilities.ts'
import { createEnvironments, type Environments } from './environments.ts'
import { buildImage } from '../build/docker.ts'
import { wholePayload } from './front-answer.ts'
import { createFront, type Front, type FrontOptions } from './front.ts'
import { createLaunch, type LaunchOptions } from './launch.ts'
import { startLocalAws } from './services/index.ts'
import { migrate } from './migrate.ts'
import { type LambdaOptions, readOptions } from '../options.ts'
import { startGateway } from './web-sockets/start-gateway.ts'
import { pollQueues } from './poller.ts'
import type { ApiResponse } from './runtime-api.ts'

/** Seconds beyond the Lambda function's timeout for which an SQS message stays hidden. */
const VISIBILITY_MARGIN = 5

/**
 * Runs the artifact locally as Lambda would: a front that converts requests to events, environments that
 * handle one event at a time behind a Runtime API, pollers for its queues, and local servers for the AWS
 * services that its drivers need.
 */
export async function start(options: StartOptions): Promise<LocalRuntime> {
  const { info, dir, dataDir, log } = options
  const settings = readOptions(info.options)
  // Clean-up functions of the local Lambda, called in reverse order, also if a later step fails.
  const ends: (() => Promise<void>)[] = []
  const end = async (): Promise<void> => {
    for (const close of ends.splice(0).toReversed()) await close()
  }
  const image = settings.runtime === 'container' ? buildFunctionImage(options) : undefined
  image?.catch(() => undefined)
  const onError = (message: string): void => options.onOutput?.(message)
  try {
    const aws = await startLocalAws({
      manifest: info.manifest,
      drivers: info.drivers,
      variables: options.variables,
      dataDir: join(dataDir, 'aws'),
      visibilityTimeout: settings.timeout + VISIBILITY_MARGIN,
      log,
    })
    ends.push(() => aws.stop())
    const variables = { ...aws.variables, ...sqliteFiles(info, dataDir), ...options.variables }
    await migrate({ ...options, variables })

    // The Lambda front starts first, so that the app can be told its own URL; requests wait for the first
    // environment.
    const ready = Promise.withResolvers<Environments>()
    ready.promise.catch(() => undefined)
    const invoke = async (payload: string): Promise<ApiResponse> => (await ready.promise).invoke(payload)
    const front = await startFront(options, settings, invoke)
    ends.push(() => front.stop())
    const gateway = await startGateway(options, settings, invoke)
    if (gateway !== undefined) ends.push(gateway.stop)
    const environments = openEnvironments(options, settings, {
      dir,
      variables: functionEnvironment(options, { ...variables, ...gateway?.variables }, front, settings),
      image: await image,
      development: options.development,
    })
    ends.push(async () => {
      // The Lambda fronts stop first: an environment that ends during a request would fail the request.
      await gateway?.stop()
      await front.stop()
      await stopEnvironments(environments, log)
    })
    await environments.start().catch((error: unknown) => {
      ready.reject(error)
      throw error
    })
    ready.resolve(environments)

    const poller = pollQueues({
      manifest: info.manifest,
      queues: { ...queueUrls(options, variables), ...aws.queues },
      variable: (name) => variables[name],
      visibilityTimeout: settings.timeout + VISIBILITY_MARGIN,
      invoke,
      onError,
    })
    ends.push(() => poller.stop())

    const exited = Promise.withResolvers<number | null>()
    let stopped: Promise<void> | undefined
    return {
      url: front.url,
      ...(gateway === undefined ? {} : { socketUrls: gateway.urls }),
      runtime: describeRuntime(environments.userAgent),
      capabilities: capabilitiesOf(settings),
      get pids() {
        return [...environments.pids, ...aws.pids]
      },
      exited: exited.promise,
      runCron: (name, scheduledTime) => runCron(name, scheduledTime, invoke),
      stop: () => (stopped ??= end().finally(() => exited.resolve(0))),
    }
  } catch (error) {
    await end()
    throw error
  }
}

/**
 * Starts the Lambda function's local front. Its `stop` may be called twice: before the Lambda environments
 * end, and by the front's own clean-up.
 */
async function startFront(
  options: StartOptions,
  settings: Required<LambdaOptions>,
  invoke: FrontOptions['invoke'],
): Promise<Front> {
  const front = await createFront({
    host: options.host ?? '127.0.0.1',
    port: options.port,
    source: settings.event,
    patience: (settings.timeout + 1) * 1000,
    invoke,
    onError: (message) => options.onOutput?.(message),
  })
  let stopped: Promise<void> | undefined
  return { url: front.url, stop: () => (stopped ??= front.stop()) }
}

async function stopEnvironments(environments: Environments, log: StartOptions['log']): Promise<void> {
  await environments.stop()
  const { events, cold } = environments.counts
  log.info(`events: ${events}, of which ${cold} met a cold environment`)
}

/** Creates the Lambda function's local environments and logs their starts. */
function openEnvironments(
  { log, onOutput }: StartOptions,
  settings: Required<LambdaOptions>,
  launch: LaunchOptions,
): Environments {
  const { runtime, maxEnvironments: max, timeout, concurrency } = settings
  return createEnvironments({
    launch: createLaunch(runtime, launch),
    max,
    timeout,
    concurrency,
    onStart: (ms, count) => log.info(`cold start: ${ms} ms (environment ${count} of at most ${max})`),
    onOutput,
  })
}

/**
 * Returns the paths of SQLite databases of a Lambda function. On AWS they are on a mounted file system, in a
 * local start with the other local data.
 */
function sqliteFiles({ drivers }: StartOptions['info'], dataDir: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const [binding, { driver, path }] of Object.entries(drivers)) {
    const variable = (path as { env?: unknown } | undefined)?.env
    if (driver === 'sqlite' && typeof variable === 'string')
      files[variable] = join(dataDir, 'files', `${binding}.sqlite`)
  }
  return files
}

/**
 * Returns the environment variables of the Lambda function: those of AWS, of the drivers, and of the caller.
 */
function functionEnvironment(
  options: StartOptions,
  variables: Readonly<Record<string, string>>,
  front: Front,
  { event, invokeMode, concurrency }: Required<LambdaOptions>,
): Record<string, string> {
  const { info, testToken } = options
  return {
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_NAME: info.manifest.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${info.manifest.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    _HANDLER: 'index.handler',
    ...ownServiceUrls(info.manifest, front.url),
    ...variables,
    UNMOOR_LOCAL_FRONT: event,
    UNMOOR_INVOKE_MODE: invokeMode,
    ...(concurrency === 1 ? {} : { AWS_LAMBDA_MAX_CONCURRENCY: String(concurrency) }),
    ...(testToken === undefined ? {} : { UNMOOR_TEST_TOKEN: testToken }),
  }
}

/** Builds the container image of the Lambda function and logs its size. */
async function buildFunctionImage({ dir, info, log }: StartOptions): Promise<string> {
  const { id, size, layers } = await buildImage(dir, { tag: `unmoor-${info.manifest.name}:local` })
  log.info(`image: ${(size / 1e6).toFixed(0)} MB in ${layers.length} layers`)
  return id
}

/** Returns the URL variables of service bindings that name the app itself. */
function ownServiceUrls(
  { bindings, name }: StartOptions['info']['manifest'],
  url: string,
): Record<string, string> {
  const urls: Record<string, string> = {}
  for (const [binding, declaration] of Object.entries(bindings)) {
    if (declaration.kind === 'service' && (declaration.app ?? binding) === name)
      urls[`${constantCase(binding)}_URL`] = url
  }
  return urls
}

/** Returns the URLs of the caller's own SQS queues, by the variables that name them. */
function queueUrls(
  { info }: StartOptions,
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    info.manifest.queues.flatMap((binding) => {
      const url = variables[`${constantCase(binding)}_QUEUE_URL`]
      return url === undefined ? [] : [[binding, url]]
    }),
  )
}

async function runCron(
  name: string,
  scheduledTime: number,
  invoke: (payload: string) => Promise<ApiResponse>,
): Promise<void> {
  const answer = await invoke(
    JSON.stringify({ unmoor: { cron: name }, time: new Date(scheduledTime).toISOString() }),
  )
  if (answer.kind !== 'error') {
    // AWS's own Lambda client streams for any event, and reports a failure at the end of the stream.
    await wholePayload(answer).catch((cause: unknown) => {
      throw new UnmoorError('Internal', cause instanceof Error ? cause.message : String(cause), {
        operation: 'cron',
        cause,
      })
    })
    return
  }
  throw new UnmoorError(
    answer.errorType === 'Unmoor.NotFound' ? 'NotFound' : 'Internal',
    answer.errorMessage,
    { operation: 'cron' },
  )
}

/**
 * Describes a Lambda runtime's user agent such as `unmoor-lambda-bootstrap node/v26.10.0` in words; others
 * stay unchanged.
 */
function describeRuntime(userAgent: string | undefined): string {
  const node = /^unmoor-lambda-bootstrap node\/(\S+)$/.exec(userAgent ?? '')?.[1]
  return node === undefined ? (userAgent ?? 'unknown') : `unmoor lambda bootstrap on node ${node}`
}
