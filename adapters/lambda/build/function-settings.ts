import type { BuildContext, DriverSpec } from '../../../core/adapter.ts'
import { optionVariables } from '../../../core/tools/build/variables.ts'
import { constantCase, type QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type { LambdaOptions } from '../options.ts'

/** Returns the names of an app's sockets bindings. */
export function socketBindings({ bindings }: Pick<BuildContext['manifest'], 'bindings'>): string[] {
  return Object.entries(bindings).flatMap(([binding, { kind }]) => (kind === 'sockets' ? [binding] : []))
}

/** Returns the name of the variable that has the URL of a sockets binding's WebSocket API. */
export function socketsVariable(binding: string): string {
  return `${constantCase(binding)}_SOCKETS_URL`
}

/**
 * Settings that a Lambda function needs on AWS, as in `lambda.json` beside the artifact. A template or a
 * person sets them up.
 */
export interface FunctionSettings {
  readonly name: string
  /** Name of the handler that AWS's own Lambda runtime client calls; our bootstrap needs none. */
  readonly handler: 'index.handler'
  readonly invokeMode: 'RESPONSE_STREAM' | 'BUFFERED'
  /** Timeout of the Lambda function in seconds. */
  readonly timeout: number
  /** Environment variables of the Lambda function by name, each with a description of its value. */
  readonly environment: Readonly<Record<string, string>>
  /** SQS event source mappings and queue settings, by binding. */
  readonly queues: Readonly<Record<string, QueueSettings>>
  /** EventBridge schedules by the name of their cron. */
  readonly schedules: Readonly<Record<string, { readonly schedule: string; readonly input: string }>>
}

/** Settings of an SQS queue and of its event source mapping. */
export interface QueueSettings {
  readonly urlVariable: string
  /** True if the Lambda function consumes the queue; false if it only sends. */
  readonly consumed: boolean
  readonly batchSize: number
  /** Seconds that a batch of SQS messages may wait to fill up. A batch of more than 10 needs at least 1. */
  readonly maximumBatchingWindow: number
  readonly functionResponseTypes: readonly ['ReportBatchItemFailures']
  readonly redrive?: { readonly deadLetterQueue: string; readonly maxReceiveCount: number }
}

/** Returns the settings of the Lambda function that is built. */
export function describeFunction(
  { manifest, drivers }: Pick<BuildContext, 'manifest' | 'drivers'>,
  options: Required<LambdaOptions>,
): FunctionSettings {
  const queues: Record<string, QueueSettings> = {}
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    if (declaration.kind === 'queue')
      queues[binding] = queueSettings(binding, declaration, manifest.queues.includes(binding))
  }
  return {
    name: manifest.name,
    handler: 'index.handler',
    invokeMode: options.invokeMode,
    timeout: options.timeout,
    environment: environment(manifest, drivers),
    queues,
    schedules: Object.fromEntries(
      Object.entries(manifest.crons).map(([cron, schedule]) => [
        cron,
        { schedule, input: JSON.stringify({ unmoor: { cron }, time: '<aws.scheduler.scheduled-time>' }) },
      ]),
    ),
  }
}

function queueSettings(binding: string, declaration: QueueDeclaration, consumed: boolean): QueueSettings {
  const { batchSize, batchWait, deadLetterQueue, maxRetries } = declaration
  return {
    urlVariable: `${constantCase(binding)}_QUEUE_URL`,
    consumed,
    batchSize,
    maximumBatchingWindow: batchSize > 10 ? Math.max(1, batchWait) : batchWait,
    functionResponseTypes: ['ReportBatchItemFailures'],
    ...(deadLetterQueue === undefined
      ? {}
      : { redrive: { deadLetterQueue, maxReceiveCount: maxRetries + 1 } }),
  }
}

function environment(
  manifest: BuildContext['manifest'],
  drivers: BuildContext['drivers'],
): Record<string, string> {
  const names: Record<string, string> = {}
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    const name = constantCase(binding)
    if (declaration.kind === 'variable')
      names[name] =
        declaration.default === undefined
          ? 'a variable of the app'
          : `a variable of the app; default: ${declaration.default}`
    if (declaration.kind === 'secret' && drivers[binding]?.driver === 'env')
      names[name] = declaration.optional ? 'a secret of the app, optional' : 'a secret of the app'
    if (declaration.kind === 'service' && drivers[binding]?.driver === 'http')
      names[`${name}_URL`] = `the URL of the app "${declaration.app ?? binding}"`
    const spec = drivers[binding]
    if (spec !== undefined) Object.assign(names, driverVariables(binding, spec))
  }
  return names
}

/** Returns the environment variables that a driver reads: those that its options name, and its defaults. */
function driverVariables(binding: string, spec: DriverSpec): Record<string, string> {
  const names: Record<string, string> = {}
  for (const { option, variable } of optionVariables(spec))
    names[variable] = `${option} of the ${spec.driver} driver of "${binding}"`
  const standard: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    dynamodb: {
      ...(spec['table'] === undefined ? { UNMOOR_TABLE: 'the DynamoDB table' } : {}),
      ...(spec['bucket'] === undefined ? { UNMOOR_BUCKET: 'the S3 bucket' } : {}),
    },
    'api-gateway': {
      ...(spec['table'] === undefined ? { UNMOOR_TABLE: 'the DynamoDB table' } : {}),
      [socketsVariable(binding)]: `the URL of the WebSocket API of "${binding}"`,
    },
    s3: spec['bucket'] === undefined ? { UNMOOR_BUCKET: 'the S3 bucket' } : {},
    sqs:
      spec['url'] === undefined
        ? { [`${constantCase(binding)}_QUEUE_URL`]: `the SQS queue of "${binding}"` }
        : {},
    postgres: spec['url'] === undefined ? { DATABASE_URL: 'the URL of the Postgres database' } : {},
    redis: spec['url'] === undefined ? { REDIS_URL: 'the URL of the Redis server' } : {},
    nats: spec['url'] === undefined ? { NATS_URL: 'the URL of the NATS server' } : {},
  }
  return { ...standard[spec.driver], ...names }
}
