import { type ErrorCode, isUnmoorError, UnmoorError } from '../../../core/errors.ts'

interface Mapped {
  code: ErrorCode
  mayHaveApplied?: boolean
  retryable?: boolean
  hint?: string
}

/**
 * Portable errors by the first word of a Redis error reply
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors). After such a reply, the
 * server has done nothing.
 */
const REPLIES: Readonly<Record<string, Mapped>> = {
  NOAUTH: { code: 'PermissionDenied', hint: 'Put the password into the url.' },
  WRONGPASS: { code: 'PermissionDenied', hint: 'Check the user and password in the url.' },
  NOPERM: { code: 'PermissionDenied', hint: 'Let the user (ACL) run this command on these keys.' },
  OOM: { code: 'Unavailable', retryable: false, hint: 'The server is at its maxmemory.' },
  MISCONF: { code: 'Unavailable', hint: 'The server cannot write to its disk.' },
  LOADING: { code: 'Unavailable' },
  BUSY: { code: 'Unavailable' },
  MASTERDOWN: { code: 'Unavailable' },
  CLUSTERDOWN: { code: 'Unavailable' },
  TRYAGAIN: { code: 'Unavailable' },
  NOREPLICAS: { code: 'Unavailable' },
  READONLY: { code: 'Unavailable', hint: 'The server is a replica: point the url at the primary.' },
  MOVED: { code: 'Unsupported', hint: 'The url is a node of a cluster: inject a cluster client.' },
}

/** Error codes of Redis connections after which nothing was sent. */
const CONNECTING: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])

/**
 * Converts an error of the Redis client to the portable error. `server` names the server without its
 * password; `sent` is true if the command may have reached it.
 */
export function toUnmoorError(
  error: unknown,
  server: string,
  sent: { write: boolean } | undefined,
): UnmoorError {
  if (isUnmoorError(error)) return error
  const { code, mayHaveApplied, retryable, hint } = map(error, sent?.write ?? false, sent === undefined)
  const text = `Redis (${server}): ${messageOf(error)}${hint === undefined ? '' : `. ${hint}`}`
  return new UnmoorError(code, text, {
    mayHaveApplied: sent !== undefined && (mayHaveApplied ?? false),
    retryable,
    cause: error,
  })
}

function map(error: unknown, write: boolean, connecting: boolean): Mapped {
  if (!(error instanceof Error)) return { code: 'Internal', mayHaveApplied: write }
  if (error.name === 'ReplyError') return reply(error.message)
  if (error.message === 'Command timed out' && !connecting) return { code: 'Timeout', mayHaveApplied: write }
  return {
    code: 'Unavailable',
    mayHaveApplied: write && !isNotSent(error) && !CONNECTING.has(codeOf(error) ?? ''),
  }
}

/** True if the Redis client found that its connection had ended before it wrote anything. */
export function isNotSent(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable")
}

function reply(message: string): Mapped {
  const word = /^[A-Z]+/.exec(message)?.[0] ?? ''
  const known = REPLIES[word]
  if (known !== undefined) return known
  if (/max number of clients/.test(message)) return { code: 'Unavailable' }
  if (/invalid password|without any password/i.test(message)) return REPLIES['WRONGPASS'] as Mapped
  if (/DB index is out of range/.test(message))
    return { code: 'NotFound', hint: 'Check the number at the end of the url.' }
  if (/unknown command/i.test(message))
    return { code: 'Unsupported', hint: 'unmoor needs Redis 6.2 or later, or Valkey.' }
  // Before Redis 7, the text of an error inside a script is wrapped in another message.
  const inner = /: ([A-Z]{3,}) /.exec(message)?.[1]
  return (inner === undefined ? undefined : REPLIES[inner]) ?? { code: 'Internal' }
}

function codeOf(error: Error): string | undefined {
  // If several addresses of one Redis host name fail, the error is an AggregateError.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const code = (first as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || (codeOf(error) ?? 'the connection failed')
}
