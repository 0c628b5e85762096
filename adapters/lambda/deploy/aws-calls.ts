/** Signed calls of the AWS services that a deploy to Lambda uses. */
import type { DeployContext } from '../../../core/deploy.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { AwsClient, type AwsRequest } from '../../drivers/aws/client.ts'
import type { AwsCredentials, CredentialsSource } from '../../drivers/aws/credentials.ts'
import { AwsError } from '../../drivers/aws/errors.ts'
import type { AwsService } from '../../drivers/aws/settings.ts'
import { parseXml, XmlElement } from '../../drivers/aws/xml.ts'

const CHAIN = '@aws-sdk/credential-provider-node'
/** Milliseconds without progress after which a call fails. */
const TIMEOUT_MS = 30_000

/** Services with AWS's JSON protocol, and what their operations' names begin with. */
const TARGETS = {
  ecr: 'AmazonEC2ContainerRegistry_V20150921',
  secretsmanager: 'secretsmanager',
  ssm: 'AmazonSSM',
} as const

/** Versions of the services with AWS's query protocol. */
const QUERY_VERSIONS = { cloudformation: '2010-05-15', sts: '2011-06-15' } as const

/** A call, for messages and for the decision to repeat it. */
export interface Call {
  /** What the call acts on, such as `stack "shop"`. */
  readonly on: string
  /** True if the call changes something, so that it is not repeated once it may have been applied. */
  readonly write: boolean
  /** Milliseconds that the answer may take. Default: 30,000. */
  readonly timeout?: number
}

/** AWS in one account and region. Every failure is an `UnmoorError` whose cause is AWS's own. */
export interface Aws {
  readonly region: string
  readonly account: string
  /** True if `AWS_ENDPOINT_URL` leads the calls to a server other than AWS. */
  readonly isEmulated: boolean
  /** Calls a service of the query protocol. Returns the element of the result. */
  query(
    service: keyof typeof QUERY_VERSIONS,
    action: string,
    parameters: Readonly<Record<string, string>>,
    call: Call,
  ): Promise<XmlElement>
  json<Answer>(service: keyof typeof TARGETS, operation: string, body: object, call: Call): Promise<Answer>
  /** Calls Lambda, whose operations are paths. Returns the answer as text, with its headers. */
  lambda(request: {
    readonly operation: string
    readonly method: 'GET' | 'POST' | 'PUT'
    readonly path: string
    readonly body?: object
    readonly call: Call
  }): Promise<{ text: string; headers: Readonly<Record<string, string | string[] | undefined>> }>
}

/**
 * Connects to AWS with the credentials of the environment.
 *
 * @throws `NotFound` without a region or credentials; `PermissionDenied` for credentials that AWS refuses.
 */
export async function connect(context: DeployContext, given: string | undefined): Promise<Aws> {
  const region = given ?? variable('AWS_REGION') ?? variable('AWS_DEFAULT_REGION')
  if (region === undefined)
    throw new UnmoorError(
      'NotFound',
      'There is no AWS region. Nothing was changed. Set AWS_REGION, or targets.lambda.deploy.region, ' +
        'such as ' +
        '"eu-west-1".',
      { operation: 'deploy' },
    )
  const credentials = findCredentials(context)
  const send = async (
    service: AwsService,
    request: Omit<AwsRequest, 'service' | 'target' | 'write' | 'repeatable' | 'timeout'>,
    { on, write, timeout = TIMEOUT_MS }: Call,
  ): Promise<{ text: string; headers: Readonly<Record<string, string | string[] | undefined>> }> => {
    const client = new AwsClient({
      service,
      region,
      endpoint: undefined,
      timeout: TIMEOUT_MS,
      retries: 3,
      credentials,
    })
    const url = `${endpointOf(service) ?? `https://${hostOf(service, region)}`}${request.url}`
    try {
      return await client.text({ ...request, url, service, target: on, write, repeatable: !write, timeout })
    } catch (error) {
      throw explain(error)
    }
  }
  const aws: Omit<Aws, 'account'> = {
    region,
    isEmulated: endpointOf('lambda') !== undefined,
    async query(service, action, parameters, call) {
      const body = new URLSearchParams({ Action: action, Version: QUERY_VERSIONS[service], ...parameters })
      const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
      const { text } = await send(service, { operation: action, url: '/', headers, body: String(body) }, call)
      return parseXml(text)?.child(`${action}Result`) ?? new XmlElement('none')
    },
    async json(service, operation, body, call) {
      const headers = {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `${TARGETS[service]}.${operation}`,
      }
      const { text } = await send(service, { operation, url: '/', headers, body: JSON.stringify(body) }, call)
      return JSON.parse(text === '' ? '{}' : text) as never
    },
    lambda: ({ operation, method, path, body, call }) =>
      send(
        'lambda',
        {
          operation,
          method,
          url: `/2015-03-31/functions/${path}`,
          ...(body === undefined
            ? {}
            : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
        },
        call,
      ),
  }
  const identity = await aws.query('sts', 'GetCallerIdentity', {}, { on: 'the credentials', write: false })
  return { ...aws, account: identity.text('Account') ?? '' }
}

/** Returns AWS's code and message of a failed call; undefined if the failure is not an answer of AWS. */
export function awsFailure(error: unknown): { readonly code: string; readonly message: string } | undefined {
  const cause = isUnmoorError(error) ? error.cause : error
  return cause instanceof AwsError ? cause : undefined
}

function variable(name: string): string | undefined {
  return process.env[name] || undefined
}

function endpointOf(service: AwsService): string | undefined {
  const url = variable(`AWS_ENDPOINT_URL_${service.toUpperCase()}`) ?? variable('AWS_ENDPOINT_URL')
  return url?.replace(/\/$/, '')
}

function hostOf(service: AwsService, region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return `${service === 'ecr' ? 'api.ecr' : service}.${region}.${suffix}`
}

function findCredentials(context: DeployContext): CredentialsSource {
  const accessKeyId = variable('AWS_ACCESS_KEY_ID')
  const secretAccessKey = variable('AWS_SECRET_ACCESS_KEY')
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return () => ({ accessKeyId, secretAccessKey, sessionToken: variable('AWS_SESSION_TOKEN') })
  const path = context.resolve(CHAIN)
  if (path === undefined)
    throw new UnmoorError(
      'NotFound',
      'There are no AWS credentials. Nothing was changed. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY ' +
        `(eval "$(aws configure export-credentials --format env)"), or for profiles, SSO and roles: npm ` +
        `install --save-dev ${CHAIN}`,
      { operation: 'deploy' },
    )
  let provider: Promise<() => Promise<AwsCredentials>> | undefined
  return async () => {
    try {
      provider ??= loadChain(path)
      return await (
        await provider
      )()
    } catch (cause) {
      throw new UnmoorError(
        'PermissionDenied',
        `There are no AWS credentials: ${cause instanceof Error ? cause.message : String(cause)}. Log in ` +
          '(aws sso login), or set AWS_PROFILE.',
        { operation: 'deploy', cause },
      )
    }
  }
}

async function loadChain(path: string): Promise<() => Promise<AwsCredentials>> {
  const chain = process.getBuiltinModule('node:module').createRequire(path)(path) as {
    defaultProvider(): () => Promise<AwsCredentials>
  }
  return chain.defaultProvider()
}

/** Codes by which AWS refuses credentials themselves, and not what they may do. */
const REFUSED = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'AuthFailure',
])

/** Adds what to do about credentials, which AWS does not say. */
function explain(error: unknown): unknown {
  const failure = awsFailure(error)
  if (failure === undefined || !isUnmoorError(error)) return error
  const isRefused = REFUSED.has(failure.code)
  if (!isRefused && error.code !== 'PermissionDenied') return error
  const message = isRefused
    ? `AWS refuses the credentials: they are wrong or expired. Log in again (aws sso login), or set new ` +
      `AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. ${error.message}`
    : `${error.message}. The rights of a deploy are in the README of the target lambda`
  return new UnmoorError('PermissionDenied', message, { operation: 'deploy', cause: failure })
}
