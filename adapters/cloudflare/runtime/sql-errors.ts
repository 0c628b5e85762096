import { type ErrorCode, type ErrorDetails, isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { LIMITS, type LimitName } from '../../../core/limits.ts'

/** Error codes for D1's messages, which are SQLite's texts after `D1_ERROR: `. The first match wins. */
const MESSAGES: readonly [RegExp, ErrorCode, ErrorDetails?][] = [
  [/UNIQUE constraint failed|SQLITE_CONSTRAINT_(?:UNIQUE|PRIMARYKEY)/, 'AlreadyExists', { kind: 'unique' }],
  [/FOREIGN KEY constraint failed/, 'Constraint', { kind: 'foreignKey' }],
  [/NOT NULL constraint failed/, 'Constraint', { kind: 'notNull' }],
  [/CHECK constraint failed/, 'Constraint', { kind: 'check' }],
  // D1 reports SQLite's error for a value of the wrong type in a STRICT table.
  [/cannot store \w+ value/, 'InvalidArgument'],
  [/SQLITE_CONSTRAINT|constraint failed/, 'Constraint'],
  [/no such table/, 'NotFound', { kind: 'table' }],
  [
    /(?:table|index|view|trigger) \S+ already exists|already another table or index with this name/,
    'AlreadyExists',
    { kind: 'table' },
  ],
  // An error of D1 about a value that is too big has no `actual` size, because SQLite does not report it.
  [/string or blob too big|SQLITE_TOOBIG/, 'LimitExceeded', { limit: 'sql.row' }],
  [/LIKE or GLOB pattern too complex/, 'LimitExceeded', { limit: 'sql.likePattern' }],
  [/too many terms in compound SELECT/, 'LimitExceeded', { limit: 'sql.compoundSelect' }],
  [/too many columns/, 'LimitExceeded', { limit: 'sql.columns' }],
  [/Expression tree is too large/, 'LimitExceeded', { limit: 'sql.expressionDepth' }],
  [/too many SQL variables/, 'LimitExceeded', { limit: 'sql.params' }],
  [/statement too long/, 'LimitExceeded', { limit: 'sql.statement' }],
  [/SQLITE_BUSY|database is locked|SQLITE_LOCKED/, 'Conflict'],
  [/overloaded|Too many requests/i, 'Throttled'],
  [
    /Network connection lost|storage operation exceeded|reset because|Cannot resolve D1|internal error/i,
    'Unavailable',
  ],
  [/timed? ?out|exceeded its CPU time/i, 'Timeout'],
  [/not authorized|SQLITE_AUTH/, 'PermissionDenied'],
  [
    /SQLITE_ERROR|syntax error|no such (?:column|function)|near "|malformed|Wrong number of parameter|datatype mismatch/,
    'InvalidArgument',
  ],
]

/** Converts an error of D1 to an `UnmoorError`. */
export function toError(error: unknown): UnmoorError {
  if (isUnmoorError(error)) return error
  const text = error instanceof Error ? error.message : String(error)
  const [, code, details] = MESSAGES.find(([pattern]) => pattern.test(text)) ?? [
    undefined,
    'Internal' as const,
    undefined,
  ]
  const limit = details?.limit as LimitName | undefined
  return new UnmoorError(code, `D1: ${text.replace(/^D1_\w+: /, '')}`, {
    cause: error,
    // The details of a D1 error are copied, because a SQL batch adds the statement's index to them.
    details: limit === undefined ? { ...details } : { limit, max: LIMITS[limit] },
    mayHaveApplied: code === 'Unavailable' || code === 'Timeout',
  })
}

/** True if running the same SQL statements on D1 again would fail in the same way. */
export function isSettled(error: UnmoorError): boolean {
  return !error.retryable && error.code !== 'Aborted' && error.code !== 'Internal'
}
