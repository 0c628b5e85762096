import { type ErrorCode, type ErrorDetails, isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { LIMITS, type LimitName } from '../../../core/limits.ts'

/** An error of node:sqlite: `errcode` is SQLite's extended result code (https://sqlite.org/rescode.html). */
interface SqliteError extends Error {
  code?: string
  errcode?: number
}

interface Mapped {
  code: ErrorCode
  details?: ErrorDetails
  text?: string
  mayHaveApplied?: boolean
  retryable?: boolean
}

/** Portable errors by SQLite's primary result code, for codes that need no look at the message. */
const PRIMARY: Readonly<Record<number, Mapped>> = {
  3: { code: 'PermissionDenied' },
  5: { code: 'Conflict', text: 'the database is locked by another process' },
  6: { code: 'Conflict', text: 'a table is locked' },
  8: { code: 'PermissionDenied' },
  9: { code: 'Aborted' },
  // After a failed write or sync of SQLite it is unknown if the data reached the disk.
  10: { code: 'Unavailable', mayHaveApplied: true },
  11: { code: 'Internal' },
  13: { code: 'Unavailable', text: 'the disk is full', retryable: false },
  14: { code: 'Unavailable' },
  20: { code: 'InvalidArgument' },
  23: { code: 'PermissionDenied' },
  25: { code: 'InvalidArgument' },
  26: { code: 'Internal' },
}

const CONSTRAINTS: Readonly<Record<number, Mapped>> = {
  2067: { code: 'AlreadyExists', details: { kind: 'unique' } },
  1555: { code: 'AlreadyExists', details: { kind: 'unique' } },
  2579: { code: 'AlreadyExists', details: { kind: 'unique' } },
  787: { code: 'Constraint', details: { kind: 'foreignKey' } },
  1299: { code: 'Constraint', details: { kind: 'notNull' } },
  275: { code: 'Constraint', details: { kind: 'check' } },
  1811: { code: 'Constraint', details: { kind: 'trigger' } },
  // Type error of an SQLite STRICT table (SQLITE_CONSTRAINT_DATATYPE); Postgres reports it as a bad value
  // too.
  3091: { code: 'InvalidArgument' },
}

const LIMIT_MESSAGES: readonly (readonly [RegExp, LimitName])[] = [
  [/LIKE or GLOB pattern too complex/, 'sql.likePattern'],
  [/too many terms in compound SELECT/, 'sql.compoundSelect'],
  [/too many columns/, 'sql.columns'],
  [/string or blob too big/, 'sql.row'],
  [/Expression tree is too large/, 'sql.expressionDepth'],
]

/**
 * Converts an error of node:sqlite to the portable error; other errors are returned unchanged. `path` is the
 * database's file.
 */
export function toUnmoorError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || isUnmoorError(error)) return error
  const mapped = map(error)
  if (mapped === undefined) return error
  const corrupt = mapped.code === 'Internal'
  const text = corrupt
    ? `The SQLite file ${path} is damaged or is no database (${error.message}). It was left as it is: ` +
      'restore it from a backup, or move it away to begin with an empty one.'
    : `SQLite (${path}): ${mapped.text ?? error.message}`
  return new UnmoorError(mapped.code, text, {
    details: mapped.details,
    mayHaveApplied: mapped.mayHaveApplied,
    retryable: mapped.retryable,
    cause: error,
  })
}

function map(error: SqliteError): Mapped | undefined {
  if (error.code === 'ERR_OUT_OF_RANGE') return unsafeInteger()
  if (error.code === 'ERR_INVALID_ARG_TYPE' || error.code === 'ERR_INVALID_ARG_VALUE')
    return { code: 'InvalidArgument' }
  const extended = error.errcode
  if (extended === undefined) return undefined
  const primary = extended & 0xff
  if (primary === 19) return CONSTRAINTS[extended] ?? { code: 'Constraint' }
  if (primary === 1 || primary === 18) return general(error.message)
  return PRIMARY[primary]
}

function general(message: string): Mapped {
  for (const [pattern, limit] of LIMIT_MESSAGES) {
    // The portable error `LimitExceeded` has no actual size here: SQLite's message does not tell by how much
    // its limit was exceeded.
    if (pattern.test(message))
      return {
        code: 'LimitExceeded',
        details: { limit, max: LIMITS[limit] },
        text: `${message}; the portable limit is ${LIMITS[limit]}`,
      }
  }
  if (/no such table/.test(message)) return { code: 'NotFound', details: { kind: 'table' } }
  if (
    /^(table|index|view|trigger) .* already exists|already another table or index with this name/.test(
      message,
    )
  )
    return { code: 'AlreadyExists', details: { kind: 'table' } }
  return { code: 'InvalidArgument' }
}

function unsafeInteger(): Mapped {
  return {
    code: 'LimitExceeded',
    details: { limit: 'sql.integer', max: Number.MAX_SAFE_INTEGER },
    text:
      'a result is an integer beyond 2^53 - 1, which JavaScript would round; select it with ' +
      'CAST(... AS TEXT)',
  }
}
