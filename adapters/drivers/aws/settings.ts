import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import { type CredentialsSource, credentialsOf } from './credentials.ts'
import type { AwsOptions } from './options.ts'

/** The AWS services that drivers and deploys call. */
export type AwsService =
  | 'dynamodb'
  | 's3'
  | 'sqs'
  | 'secretsmanager'
  | 'ssm'
  | 'execute-api'
  | 'cloudformation'
  | 'ecr'
  | 'lambda'
  | 'sts'

/** Settings of one AWS service: {@link AwsOptions} with the defaults filled in. */
export interface AwsSettings {
  service: AwsService
  region: string
  /** Origin of the AWS service without a trailing slash; undefined means AWS itself. */
  endpoint: string | undefined
  /** Milliseconds without progress after which a request to AWS fails. */
  timeout: number
  retries: number
  credentials: CredentialsSource
}

type Variables = Pick<DriverContext, 'variable' | 'binding'>

/**
 * Reads the settings of an AWS service from the options and the variables.
 *
 * @throws `NotFound` that names the missing variable, at start rather than at the first call.
 */
export function resolveAws(service: AwsService, options: AwsOptions, context: Variables): AwsSettings {
  const { variable, binding } = {
    binding: context.binding,
    variable: (name: string) => context.variable(name) || undefined,
  }
  const endpoint =
    options.endpoint ?? variable(`AWS_ENDPOINT_URL_${service.toUpperCase()}`) ?? variable('AWS_ENDPOINT_URL')
  if (endpoint !== undefined && !/^https?:\/\/[^/?#]+\/?$/.test(endpoint)) {
    throw new UnmoorError(
      'InvalidArgument',
      `Binding "${binding}": the endpoint "${endpoint}" of ${service} is not an origin such as ` +
        'http://127.0.0.1:4566.',
      {
        binding,
      },
    )
  }
  const region = options.region ?? variable('AWS_REGION') ?? variable('AWS_DEFAULT_REGION')
  if (region === undefined)
    throw new UnmoorError(
      'NotFound',
      `Binding "${binding}" needs the variable AWS_REGION. On Lambda the platform sets it; elsewhere ` +
        'set it yourself.',
      {
        binding,
      },
    )
  const timeout = toMilliseconds(options.timeout ?? 10, 'timeout', binding)
  const credentials = credentialsOf({ variable, binding })
  return {
    service,
    region,
    endpoint: endpoint?.replace(/\/$/, ''),
    timeout,
    retries: options.retries ?? 3,
    credentials,
  }
}
