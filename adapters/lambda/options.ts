import type { TrustProxy } from '../../core/client.ts'
import type { OptionTable } from '../../core/option-table.ts'
import { checkTargetOptions } from '../../core/target-options.ts'
import { UnmoorError } from '../../core/errors.ts'

/**
 * `targets.lambda.options` of unmoor.config.ts.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: { lambda: { options: { event: 'v2', timeout: 10, package: 'zip', region: 'eu-west-1' } } },
 * })
 * ```
 */
export interface LambdaOptions {
  /** Invoke mode of the Lambda Function URL. Default: RESPONSE_STREAM. */
  invokeMode?: 'RESPONSE_STREAM' | 'BUFFERED'
  /**
   * Front of the Lambda function, in a local start and in the template: a Function URL (`url`), an API
   * Gateway HTTP API (`v2`) or REST API (`v1`), a load balancer without or with multi-value headers (`alb`,
   * `alb-multi`), VPC Lattice (`lattice`). Default: `url`.
   */
  event?: 'url' | 'v2' | 'v1' | 'alb' | 'alb-multi' | 'lattice'
  /**
   * Runtime of the Lambda function in a local start: our `bootstrap`, AWS's own client (`ric`, needs
   * aws-lambda-ric), or the image in a `container` (needs Docker). Default: `bootstrap`.
   */
  runtime?: 'bootstrap' | 'ric' | 'container'
  /** Seconds for one Lambda event, a whole number from 1 to 900. Default: 30. */
  timeout?: number
  /** Maximum number of Lambda environments of a local start, 1 to 1000. Default: 10. */
  maxEnvironments?: number
  /**
   * Number of events that one Lambda environment of a local start handles at once, as on Lambda Managed
   * Instances (AWS_LAMBDA_MAX_CONCURRENCY), 1 to 1600. Default: 1.
   */
  concurrency?: number
  /**
   * Form of the deployed Lambda function: an `image`, or a `zip` that AWS's own Node.js runs. Default: image.
   */
  package?: LambdaPackage
  /**
   * Values of environment variables for the `.lambda` file of a Lambda zip, for variables that no template
   * fills in. Never put secrets here: the file is plain text. Default: none.
   */
  variables?: Readonly<Record<string, string>>
  /**
   * Proxies in front of AWS's own front (a CDN, your own balancer) whose `X-Forwarded-For` is trusted for
   * `ctx.client`: `true` for one, a number for several, or their addresses. Default: none, and the client is
   * the one that AWS reports.
   */
  trustProxy?: TrustProxy
  /** AWS region in the `.lambda` file of a Lambda zip. Default: us-east-1. */
  region?: string
}

/** Old name of the Lambda target's options. @deprecated Since 0.2: use `LambdaOptions`. */
export type LambdaTargetOptions = LambdaOptions

/**
 * Returns the options of the target `lambda` in an environment: `shared`, overridden by `own`. Shared
 * `variables` are not inherited, since they have the names and URLs of one function's resources.
 */
export function environmentOptions(
  shared: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const merged = { ...shared, ...own }
  if (own['variables'] === undefined) delete merged['variables']
  return merged
}

/** Form in which a Lambda function is packed. */
export type LambdaPackage = 'image' | 'zip'

export const lambdaOptions = {
  invokeMode: ['RESPONSE_STREAM', 'BUFFERED'],
  event: ['url', 'v2', 'v1', 'alb', 'alb-multi', 'lattice'],
  runtime: ['bootstrap', 'ric', 'container'],
  timeout: { number: 'seconds', min: 1, max: 900, whole: true },
  maxEnvironments: { number: 'environments', min: 1, max: 1000, whole: true },
  concurrency: { number: 'events', min: 1, max: 1600, whole: true },
  package: ['image', 'zip'],
  variables: 'object',
  trustProxy: 'proxies',
  region: 'string',
} satisfies OptionTable<LambdaOptions>

/**
 * Returns the Lambda options with their defaults. @throws `InvalidArgument` that names an option which is
 * unknown or out of range.
 */
export function readOptions(given: Readonly<Record<string, unknown>>): Required<LambdaOptions> {
  const { options }: { options: LambdaOptions } = checkTargetOptions('lambda', given, lambdaOptions)
  const { runtime = 'bootstrap', concurrency = 1 } = options
  if (runtime === 'ric' && concurrency !== 1)
    throw invalid(
      "targets.lambda.options.concurrency: AWS's own client takes several events at once on AWS's " +
        'machines only. Use the runtime bootstrap or container.',
    )
  return {
    invokeMode: options.invokeMode ?? 'RESPONSE_STREAM',
    event: options.event ?? 'url',
    runtime,
    timeout: options.timeout ?? 30,
    maxEnvironments: options.maxEnvironments ?? 10,
    concurrency,
    package: options.package ?? 'image',
    variables: texts(options.variables ?? {}),
    trustProxy: options.trustProxy ?? false,
    region: region(options.region ?? 'us-east-1'),
  }
}

function texts(variables: Readonly<Record<string, unknown>>): Record<string, string> {
  const other = Object.entries(variables).find(([, text]) => typeof text !== 'string')
  if (other !== undefined) throw invalid(`targets.lambda.options.variables.${other[0]} must be a text.`)
  return variables as Record<string, string>
}

function region(value: string): string {
  if (/^[a-z]{2}(-[a-z]+)+-\d$/.test(value)) return value
  throw invalid(
    `targets.lambda.options.region is ${JSON.stringify(value)}. It is a region such as eu-west-1.`,
  )
}

function invalid(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config' })
}
