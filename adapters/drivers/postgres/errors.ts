import { type ErrorCode, type ErrorDetails, isUnmoorError, UnmoorError } from '../../../core/errors.ts'

interface Mapped {
  code: ErrorCode
  details?: ErrorDetails
  mayHaveApplied?: boolean
  retryable?: boolean
  hint?: string
}

const POOLER = 'Behind a pooler that hands a connection round between transactions, set `prepare: false`.'

/**
 * Portable errors by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), or by the
 * SQLSTATE's class, its first two characters.
 */
const STATES: Readonly<Record<string, Mapped>> = {
  '23505': { code: 'AlreadyExists', details: { kind: 'unique' } },
  '23503': { code: 'Constraint', details: { kind: 'foreignKey' } },
  '23502': { code: 'Constraint', details: { kind: 'notNull' } },
  '23514': { code: 'Constraint', details: { kind: 'check' } },
  '23P01': { code: 'Constraint', details: { kind: 'exclusion' } },
  '23': { code: 'Constraint' },
  P0001: { code: 'Constraint', details: { kind: 'trigger' } },
  '42P01': { code: 'NotFound', details: { kind: 'table' } },
  '42P07': { code: 'AlreadyExists', details: { kind: 'table' } },
  // Prepared statements belong to a Postgres connection. If a pooler passes connections from one client to
  // another, a client's statements are missing, or clash with those of another client.
  '42P05': { code: 'Unavailable', retryable: false, hint: POOLER },
  '26': { code: 'Unavailable', retryable: false, hint: POOLER },
  '42501': { code: 'PermissionDenied' },
  '42': { code: 'InvalidArgument' },
  '22': { code: 'InvalidArgument' },
  '21': { code: 'InvalidArgument' },
  '2B': { code: 'InvalidArgument' },
  '0A': { code: 'InvalidArgument' },
  '3D': {
    code: 'NotFound',
    details: { kind: 'database' },
    hint: 'Create the database, or check the name in the url.',
  },
  '3F': { code: 'NotFound', details: { kind: 'schema' } },
  '28': { code: 'PermissionDenied', hint: 'Check the user and password in the url.' },
  '25006': { code: 'PermissionDenied' },
  '25': { code: 'InvalidArgument' },
  '40003': { code: 'Unavailable', mayHaveApplied: true },
  '40': { code: 'Conflict' },
  '55P03': { code: 'Conflict' },
  '55': { code: 'Conflict' },
  '53': { code: 'Unavailable' },
  '53100': { code: 'Unavailable', retryable: false, hint: "The server's disk is full." },
  '54': { code: 'LimitExceeded' },
  '57014': { code: 'Timeout' },
  '57P03': { code: 'Unavailable' },
  '57': { code: 'Unavailable', mayHaveApplied: true },
  '08': { code: 'Unavailable', mayHaveApplied: true },
  '58': { code: 'Unavailable' },
}

/**
 * Portable errors for failures of the Postgres connection. A statement may have been applied, unless nothing
 * could be sent.
 */
const CONNECTION: Readonly<Record<string, Mapped>> = {
  ECONNREFUSED: { code: 'Unavailable' },
  ENOTFOUND: { code: 'Unavailable' },
  EAI_AGAIN: { code: 'Unavailable' },
  EHOSTUNREACH: { code: 'Unavailable' },
  ENETUNREACH: { code: 'Unavailable' },
  ENOENT: { code: 'Unavailable' },
  CONNECT_TIMEOUT: { code: 'Unavailable' },
  CONNECTION_ENDED: { code: 'Unavailable', retryable: false },
  CONNECTION_CLOSED: { code: 'Unavailable', mayHaveApplied: true },
  CONNECTION_DESTROYED: { code: 'Unavailable', mayHaveApplied: true },
  ECONNRESET: { code: 'Unavailable', mayHaveApplied: true },
  EPIPE: { code: 'Unavailable', mayHaveApplied: true },
  ETIMEDOUT: { code: 'Unavailable', mayHaveApplied: true },
  UNDEFINED_VALUE: { code: 'InvalidArgument' },
}

/**
 * Converts an error of postgres.js to the portable error; other errors are returned unchanged. `server` names
 * the database without its password.
 */
export function toUnmoorError(
  error: unknown,
  server: string,
  options: { index?: number | undefined; signal?: AbortSignal | undefined } = {},
): unknown {
  if (!(error instanceof Error)) return error
  if (isUnmoorError(error))
    return options.index === undefined
      ? error
      : withDetails(error, error.message, { ...error.details, index: options.index }, error.cause)
  const mapped = map(error)
  if (mapped === undefined) return error
  if (options.signal?.aborted && mapped.code === 'Timeout') mapped.code = 'Aborted'
  const details = options.index === undefined ? mapped.details : { ...mapped.details, index: options.index }
  return withDetails(
    mapped,
    `Postgres (${server}): ${messageOf(error)}${mapped.hint === undefined ? '' : `. ${mapped.hint}`}`,
    details,
    error,
  )
}

/**
 * Clears `mayHaveApplied` of an error whose Postgres statement only reads, was not sent, or is rolled back
 * with its transaction.
 */
export function withoutEffect(error: unknown): unknown {
  if (!(error instanceof UnmoorError) || !error.mayHaveApplied) return error
  return new UnmoorError(error.code, error.message, {
    details: error.details,
    retryable: error.retryable,
    cause: error.cause,
  })
}

function withDetails(
  { code, retryable, mayHaveApplied }: Mapped,
  message: string,
  details: ErrorDetails | undefined,
  cause: unknown,
): UnmoorError {
  return new UnmoorError(code, message, { details, retryable, mayHaveApplied, cause })
}

/** True for an error of a statement whose connection was lost, and which nobody rolls back any more. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (isUnmoorError(error)) return isConnectionLost(error.cause)
  const code = codeOf(error)
  return code !== undefined && code !== 'UNDEFINED_VALUE' && CONNECTION[code] !== undefined
}

function map(error: Error): Mapped | undefined {
  const code = codeOf(error)
  if (code === undefined) return undefined
  if (CONNECTION[code] !== undefined) return { ...CONNECTION[code] }
  const mapped = STATES[code] ?? STATES[code.slice(0, 2)]
  if (mapped !== undefined) return { ...mapped }
  return error.name === 'PostgresError' ? { code: 'Internal' } : undefined
}

function codeOf(error: Error): string | undefined {
  // If several addresses of one Postgres host name fail, the error is an AggregateError.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const code = (first as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

function messageOf(error: Error): string {
  return error.message || (codeOf(error) ?? 'the connection failed')
}
