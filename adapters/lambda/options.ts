import { UnmoorError } from '../../core/errors.ts'
import { RUNTIMES, type LambdaRuntime } from './launch.ts'
import type { InvokeMode } from './runtime/events.ts'
import { HTTP_EVENT_KINDS, type HttpEventKind } from '../../core/from-lambda/http-events.ts'

/** `targets.lambda.options` of unmoor.config.ts. */
export interface LambdaTargetOptions {
  /** The Function URL's invoke mode. Default: RESPONSE_STREAM. */
  invokeMode?: InvokeMode
  /**
   * What stands before the function, in a local start and in the template: a Function URL (`url`), an API Gateway HTTP API (`v2`) or REST API (`v1`), a load balancer
   * without or with multi-value headers (`alb`, `alb-multi`), VPC Lattice (`lattice`). Default: `url`.
   */
  event?: HttpEventKind
  /** What runs the function in a local start: our `bootstrap`, AWS's own client (`ric`, needs aws-lambda-ric), or the image in a `container` (needs Docker). Default: `bootstrap`. */
  runtime?: LambdaRuntime
  /** Seconds for one event, 1 to 900. Default: 30. */
  timeout?: number
  /** Most environments of a local start, 1 to 1000. Default: 10. */
  maxEnvironments?: number
  /** Events that one environment of a local start takes at once, as on Lambda Managed Instances (AWS_LAMBDA_MAX_CONCURRENCY), 1 to 1600. Default: 1. */
  concurrency?: number
  /** What is deployed: an `image`, or a `zip` that AWS's own Node.js runs. Default: image. */
  package?: LambdaPackage
  /** Values of environment variables that the `.lambda` file of a zip gets, for those that no template fills in. Never secrets: the file is plain text. Default: none. */
  variables?: Readonly<Record<string, string>>
  /** Region in the `.lambda` file of a zip. Default: us-east-1. */
  region?: string
}

/** How a function is packed. */
export type LambdaPackage = 'image' | 'zip'

/** The options with their defaults. @throws `InvalidArgument` naming one that is unknown or out of range. */
export function readOptions(options: Readonly<Record<string, unknown>>): Required<LambdaTargetOptions> {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw invalid(`targets.lambda.options has no "${name}". It has: ${KNOWN.join(', ')}.`)
  }
  if (options['runtime'] === 'ric' && options['concurrency'] !== undefined && options['concurrency'] !== 1)
    throw invalid(
      "targets.lambda.options.concurrency: AWS's own client takes several events at once on AWS's machines only. Use the runtime bootstrap or container.",
    )
  return {
    invokeMode: oneOf(options, 'invokeMode', ['RESPONSE_STREAM', 'BUFFERED']),
    event: oneOf(options, 'event', HTTP_EVENT_KINDS),
    runtime: oneOf(options, 'runtime', RUNTIMES),
    timeout: within(options, 'timeout', 1, 900, 30),
    maxEnvironments: within(options, 'maxEnvironments', 1, 1000, 10),
    concurrency: within(options, 'concurrency', 1, 1600, 1),
    package: oneOf(options, 'package', ['image', 'zip']),
    variables: texts(options, 'variables'),
    region: region(options['region'] ?? 'us-east-1'),
  }
}

const KNOWN: readonly string[] = [
  'invokeMode',
  'event',
  'runtime',
  'timeout',
  'maxEnvironments',
  'concurrency',
  'package',
  'variables',
  'region',
] satisfies (keyof LambdaTargetOptions)[]

function texts(options: Readonly<Record<string, unknown>>, name: string): Record<string, string> {
  const value = options[name] ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`targets.lambda.options.${name} must be an object of texts.`)
  const other = Object.entries(value).find(([, text]) => typeof text !== 'string')
  if (other !== undefined) throw invalid(`targets.lambda.options.${name}.${other[0]} must be a text.`)
  return value as Record<string, string>
}

function region(value: unknown): string {
  if (typeof value === 'string' && /^[a-z]{2}(-[a-z]+)+-\d$/.test(value)) return value
  throw invalid(`targets.lambda.options.region is ${JSON.stringify(value)}. It is a region such as eu-west-1.`)
}

/** The first is the default. */
function oneOf<const T extends string>(options: Readonly<Record<string, unknown>>, name: string, allowed: readonly [T, ...T[]]): T {
  const value = options[name]
  if (value === undefined) return allowed[0]
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined) throw invalid(`targets.lambda.options.${name} is ${JSON.stringify(value)}. It can be ${allowed.join(' or ')}.`)
  return found
}

function within(options: Readonly<Record<string, unknown>>, name: string, min: number, max: number, standard: number): number {
  const value = options[name] ?? standard
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw invalid(`targets.lambda.options.${name} is ${JSON.stringify(value)}. It must be a whole number from ${min} to ${max}.`)
}

function invalid(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config' })
}
