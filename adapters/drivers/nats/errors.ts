import { type ErrorCode, isUnmoorError, UnmoorError } from '../../../core/errors.ts'

interface Mapped {
  code: ErrorCode
  mayHaveApplied?: boolean
  retryable?: boolean
  hint?: string
}

/**
 * An error answer of JetStream's API: https://github.com/nats-io/nats-server/blob/main/server/errors.json.
 */
export interface ApiError {
  code: number
  err_code?: number
  description?: string
}

/** JetStream error codes (`err_code`) for a store that is full: a retry does not help. */
const FULL: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047, 10077])

/** Portable errors by the name of the NATS client's error. */
const ERRORS: Readonly<Record<string, Mapped>> = {
  AuthorizationError: {
    code: 'PermissionDenied',
    hint: 'Check the user and password, or the token, in the url.',
  },
  UserAuthenticationExpiredError: { code: 'PermissionDenied', hint: 'The credentials have expired.' },
  PermissionViolationError: {
    code: 'PermissionDenied',
    hint:
      'Let the user publish and subscribe to $JS.API.>, $JS.ACK.>, _INBOX.> and the subjects of the ' +
      'queue.',
  },
  NoResponders: {
    code: 'Unavailable',
    hint: 'Nobody serves JetStream there: start the server with -js, or wait until its cluster has a leader.',
  },
  TimeoutError: { code: 'Timeout', mayHaveApplied: true },
}

/**
 * Converts an error of the NATS client to the portable error. `server` is the server's name without the
 * password; `sent` is true if the request may have reached the server.
 */
export function toUnmoorError(error: unknown, server: string, sent: boolean): UnmoorError {
  if (isUnmoorError(error)) return error
  const inner =
    error instanceof Error && ERRORS[error.name] === undefined && error.cause instanceof Error
      ? error.cause
      : error
  const mapped = map(inner, sent)
  const message = inner instanceof Error ? inner.message || inner.name : String(inner)
  const text = `NATS (${server}): ${message}${mapped.hint === undefined ? '' : `. ${mapped.hint}`}`
  return new UnmoorError(mapped.code, text, {
    mayHaveApplied: sent && (mapped.mayHaveApplied ?? false),
    retryable: mapped.retryable,
    cause: error,
  })
}

function map(error: unknown, sent: boolean): Mapped {
  if (!(error instanceof Error)) return { code: 'Internal', mayHaveApplied: true }
  const known = ERRORS[error.name]
  if (known === undefined) return { code: 'Unavailable', mayHaveApplied: true }
  return known.code === 'Timeout' && !sent ? { code: 'Unavailable' } : known
}

/** Error that JetStream itself answered, so nothing was done. The error's cause is the answer. */
export function apiError(answer: ApiError, server: string): UnmoorError {
  const { code, err_code, description } = answer
  const full = FULL.has(err_code ?? 0)
  const text = `NATS (${server}): ${description ?? 'JetStream refused'} (${err_code ?? code})`
  if (full) return new UnmoorError('Unavailable', text, { retryable: false, cause: answer })
  return new UnmoorError(code === 503 ? 'Unavailable' : code === 404 ? 'NotFound' : 'Internal', text, {
    cause: answer,
  })
}

/** JetStream's err_code of an error that JetStream itself answered; undefined for all others. */
export function serverCode(error: unknown): number | undefined {
  return error instanceof UnmoorError ? (error.cause as Partial<ApiError> | undefined)?.err_code : undefined
}
