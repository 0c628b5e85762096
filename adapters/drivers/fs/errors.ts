import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'

/** Error for a blob's file that is shorter than the index says. */
export function truncated(path: string): UnmoorError {
  return new UnmoorError(
    'Internal',
    `The file ${path} is shorter than its index says: it is damaged. Restore it from a backup.`,
  )
}

/** Converts an error of the file system to the portable error. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (isUnmoorError(error) || code === undefined) return error
  const text = `${path}: ${(error as Error).message}`
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new UnmoorError('PermissionDenied', text, { cause: error })
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new UnmoorError('Unavailable', `The disk is full: ${text}`, { retryable: false, cause: error })
  return new UnmoorError('Unavailable', text, { cause: error })
}
