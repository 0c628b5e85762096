import { explainMissingPackage } from '../build/packages.ts'
import { isUnmoorError, UnmoorError } from '../../errors.ts'

/** Creates the error for wrong use of an `unmoor` command, which ends with exit code 2. */
export function usageError(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config' })
}

/**
 * Returns the exit code of an `unmoor` command for an error: 2 for wrong use (`usageError`, an invalid
 * config), 1 for any other failure.
 */
export function exitCode(error: unknown): 1 | 2 {
  return isUnmoorError(error) && error.operation === 'config' ? 2 : 1
}

/**
 * Prints an error of an `unmoor` command to stderr: only the message for unmoor's own errors, also the stack
 * for unexpected ones.
 */
export function reportError(thrown: unknown, args: readonly string[]): void {
  const error = explainMissingPackage(thrown, 'This command')
  const verbose = args.includes('--verbose') || (process.env['UNMOOR_DEBUG'] ?? '') !== ''
  const own = isUnmoorError(error)
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(
    own && !verbose
      ? `error: ${message}\n`
      : `error: ${error instanceof Error ? (error.stack ?? message) : message}\n`,
  )
  if (verbose && error instanceof Error && error.cause instanceof Error)
    process.stderr.write(`cause: ${error.cause.stack}\n`)
  reportResult({ code: own ? error.code : 'Internal', message }, args)
}

/** Prints a command's failure as a JSON line on stdout if it runs with `--reporter json`. */
export function reportResult(error: { code: string; message: string }, args: readonly string[]): void {
  if (wantsJson(args)) process.stdout.write(`${JSON.stringify({ error })}\n`)
}

function wantsJson(args: readonly string[]): boolean {
  const before = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  return before.some(
    (arg, index) => arg === '--reporter=json' || (arg === '--reporter' && before[index + 1] === 'json'),
  )
}
