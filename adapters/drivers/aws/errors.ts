import { type ErrorCode, UnmoorError, type UnmoorErrorOptions } from '../../../core/errors.ts'
import { HttpFailure } from './http.ts'
import type { AwsService } from './settings.ts'
import { parseXml } from './xml.ts'

/** An error answer of AWS. */
export class AwsError extends Error {
  /** AWS's own code, such as `NoSuchKey`, without a namespace. */
  readonly code: string
  readonly status: number
  /** Seconds to wait before a retry, if AWS's error answer has a Retry-After header. */
  readonly retryAfter: number | undefined

  constructor(code: string, message: string, status: number, retryAfter?: number) {
    super(message)
    this.code = code
    this.status = status
    this.retryAfter = retryAfter
  }
}

/**
 * Reads an error answer of AWS: JSON with `__type` (DynamoDB, SQS) or XML with `<Code>` (S3). The answer to a
 * HEAD has neither.
 */
export function parseAwsError(
  status: number,
  headers: NodeJS.Dict<string | string[]>,
  text: string,
): AwsError {
  const retryAfter = Number(headers['retry-after'])
  const seconds = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined
  const header = String(headers['x-amzn-errortype'] ?? '').split(':')[0] ?? ''
  let code = header
  let message = ''
  if (text.startsWith('{')) {
    try {
      const data = JSON.parse(text) as { __type?: string; code?: string; message?: string; Message?: string }
      code ||= data.__type ?? data.code ?? ''
      message = data.message ?? data.Message ?? ''
    } catch {
      message = text.slice(0, 200)
    }
  } else if (/^\s*<(\?xml|Error)/.test(text)) {
    try {
      // S3 answers <Error>, and the query protocol <ErrorResponse><Error>.
      const answer = parseXml(text)
      const root = answer?.child('Error') ?? answer
      code ||= root?.text('Code') ?? ''
      message = root?.text('Message') ?? ''
    } catch {
      message = text.slice(0, 200)
    }
  } else {
    // An AWS error answer that is neither JSON nor XML may be a proxy's page; its first 200 characters become
    // the message.
    message = text.slice(0, 200)
  }
  // AWS error codes can have namespaces: `com.amazonaws.dynamodb.v20120810#X` and `AWS.SimpleQueueService.X`.
  code = code.slice(code.lastIndexOf('#') + 1)
  code = code.slice(code.lastIndexOf('.') + 1)
  return new AwsError(code || `HTTP ${status}`, message || `HTTP ${status}`, status, seconds)
}

const THROTTLED = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'BandwidthLimitExceeded',
  'SlowDown',
])

const DENIED = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'UnrecognizedClientException',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'ExpiredToken',
  'ExpiredTokenException',
])

const CODES: Readonly<Record<string, ErrorCode>> = {
  ResourceNotFoundException: 'NotFound',
  ParameterNotFound: 'NotFound',
  NoSuchBucket: 'NotFound',
  QueueDoesNotExist: 'NotFound',
  NonExistentQueue: 'NotFound',
  ConditionalCheckFailedException: 'PreconditionFailed',
  PreconditionFailed: 'PreconditionFailed',
  ConditionalRequestConflict: 'Conflict',
  OperationAborted: 'Conflict',
  TransactionConflictException: 'Conflict',
  InvalidRange: 'RangeNotSatisfiable',
  BadDigest: 'ChecksumMismatch',
  XAmzContentChecksumMismatch: 'ChecksumMismatch',
  XAmzContentSHA256Mismatch: 'ChecksumMismatch',
  EntityTooLarge: 'LimitExceeded',
  MetadataTooLarge: 'LimitExceeded',
  KeyTooLongError: 'LimitExceeded',
  BatchRequestTooLong: 'LimitExceeded',
  RequestTimeout: 'Unavailable',
}

function toCode(error: AwsError): ErrorCode {
  if (THROTTLED.has(error.code) || error.status === 429) return 'Throttled'
  if (DENIED.has(error.code) || error.status === 401 || error.status === 403) return 'PermissionDenied'
  const known = CODES[error.code]
  if (known !== undefined) return known
  if (error.status >= 500) return 'Unavailable'
  if (error.status === 412) return 'PreconditionFailed'
  if (error.status === 409) return 'Conflict'
  if (error.status === 416) return 'RangeNotSatisfiable'
  // Any other refusal by AWS means that the driver built a wrong request, or that the backend is not what was
  // declared.
  return 'Internal'
}

/** The facts about an AWS request that {@link toUnmoorError} puts into an error. */
export interface RequestInfo {
  service: AwsService
  /** AWS's name of the operation that a request calls, such as `PutItem`. */
  operation: string
  /** Resource that an AWS operation acts on, such as `table "links"`. */
  target: string
  /** True if the AWS operation changes anything. */
  write: boolean
}

/** Converts an error answer of AWS, or a failure of the connection, to the portable error. */
export function toUnmoorError(error: unknown, info: RequestInfo): UnmoorError {
  if (error instanceof UnmoorError) return error
  const what = `${info.service} ${info.operation} on ${info.target}`
  if (error instanceof HttpFailure) {
    const mayHaveApplied = info.write && error.sent
    if (error.kind === 'timeout')
      return new UnmoorError('Timeout', `${what}: ${error.message}.`, { mayHaveApplied, cause: error })
    if (error.kind === 'aborted')
      return new UnmoorError('Aborted', `${what} was aborted.`, {
        mayHaveApplied,
        cause: error.cause ?? error,
      })
    return new UnmoorError('Unavailable', `${what}: ${error.message}`, { mayHaveApplied, cause: error })
  }
  if (!(error instanceof AwsError))
    return new UnmoorError('Internal', `${what}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  const code = toCode(error)
  const options: UnmoorErrorOptions = { cause: error, mayHaveApplied: info.write && code === 'Unavailable' }
  if (error.retryAfter !== undefined) options.details = { retryAfter: error.retryAfter }
  if (code === 'NotFound') options.details = { kind: info.target.split(' ')[0] ?? info.service }
  const hint = code === 'NotFound' ? ' Deploy the stack that creates it, or correct the name.' : ''
  return new UnmoorError(code, `${what}: ${error.code}: ${error.message}${hint}`, options)
}

/**
 * Says if repeating a failed AWS call can help: `rejected` means that nothing was applied, `unclear` that the
 * call may have been applied.
 */
export function retryable(error: unknown): 'rejected' | 'unclear' | false {
  if (error instanceof HttpFailure) {
    if (error.kind === 'aborted') return false
    return error.sent ? 'unclear' : 'rejected'
  }
  if (!(error instanceof AwsError)) return false
  if (toCode(error) === 'Throttled') return 'rejected'
  return error.status >= 500 || error.code === 'RequestTimeout' ? 'unclear' : false
}
