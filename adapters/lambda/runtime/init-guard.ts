import process from 'node:process'
import { setDefaultVariables } from '../../../core/runtime/default-variables.ts'
import { mapOutput } from '../../node-server/runtime/mapped-output.ts'
import { toLambdaError } from './errors.ts'
import { installLogs, type Logs } from './logs.ts'
import { RuntimeClient } from './runtime-client.ts'

/** Names this runtime to the Runtime API. */
export const USER_AGENT = `unmoor-lambda-bootstrap node/${process.version}`

/** Reports `error` as the reason why this environment cannot start, and ends the process. */
export async function failInit(client: RuntimeClient, error: unknown): Promise<never> {
  console.error('The app cannot start:', error)
  try {
    await client.initError(toLambdaError(error))
  } catch (problem) {
    console.error(problem)
  }
  process.exit(1)
}

/** For the loop; only where this process is the runtime: AWS's own client has log lines of its own. */
export let logs: Logs | undefined

let fail: ((error: unknown) => void) | undefined

setDefaultVariables(process.env)

// The entry imports this before the app, so that an app whose module throws is reported too; without it
// Lambda knows only that the process ended.
const api = process.env['AWS_LAMBDA_RUNTIME_API']
if (import.meta.main && api !== undefined) {
  mapOutput(import.meta.url)
  // As early, so that what the app logs at import has the form of the rest.
  logs = installLogs((name) => process.env[name])
  fail = (error) => void failInit(new RuntimeClient(api, { userAgent: USER_AGENT }), error)
  process.once('uncaughtException', fail)
}

/** Hands errors over to whoever started the runtime. */
export function endInitGuard(): void {
  if (fail !== undefined) process.off('uncaughtException', fail)
}
