import process from 'node:process'
import { setDefaultVariables } from '../../../core/runtime/default-variables.ts'
import { mapOutput } from '../../node-server/runtime/mapped-output.ts'
import { toLambdaError } from './errors.ts'
import { installLogs, type Logs } from './logs.ts'
import { RuntimeClient } from './runtime-client.ts'

/** User agent of unmoor's runtime for Lambda's Runtime API. */
export const USER_AGENT = `unmoor-lambda-bootstrap node/${process.version}`

/** Reports `error` as the reason why this Lambda environment cannot start, and ends the process. */
export async function failInit(client: RuntimeClient, error: unknown): Promise<never> {
  console.error('The app cannot start:', error)
  try {
    await client.initError(toLambdaError(error))
  } catch (problem) {
    console.error(problem)
  }
  process.exit(1)
}

/**
 * Logs of the Lambda runtime's event loop; only set if this process is the runtime, because AWS's own client
 * has its own log lines.
 */
export let logs: Logs | undefined

let fail: ((error: unknown) => void) | undefined

setDefaultVariables(process.env)

// The generated entry imports this module before the app, so that an app whose module throws is reported too.
// Without it, Lambda would only know that the process ended.
const api = process.env['AWS_LAMBDA_RUNTIME_API']
if (import.meta.main && api !== undefined) {
  mapOutput(import.meta.url)
  // Lambda logs are installed this early, so that what the app logs at import has the form of later log
  // lines.
  logs = installLogs((name) => process.env[name])
  fail = (error) => void failInit(new RuntimeClient(api, { userAgent: USER_AGENT }), error)
  process.once('uncaughtException', fail)
}

/** Ends the guard for errors at init: from now on, the starter of the Lambda runtime handles errors. */
export function endInitGuard(): void {
  if (fail !== undefined) process.off('uncaughtException', fail)
}
