import { PRELUDE_TYPE, type ResponseStream } from './response-stream.ts'

/** Symbol with which AWS's own runtime client marks a streaming Lambda handler. */
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')

type AnyFunction = (...args: never[]) => unknown

/** True if a Lambda handler was made by `awslambda.streamifyResponse`, ours or AWS's own. */
export function isStreaming(handler: AnyFunction): boolean {
  return (handler as { [STREAMING]?: unknown })[STREAMING] !== undefined
}

/** The global `awslambda` of AWS's Lambda runtimes, for handlers that stream. */
const awslambda = {
  streamifyResponse<Handler extends AnyFunction>(handler: Handler): Handler {
    return Object.assign(handler, { [STREAMING]: 'response' })
  },
  HttpResponseStream: {
    /**
     * Sets status, headers and cookies of a Lambda handler's streamed response, which are sent with the first
     * write or the end.
     */
    from(stream: ResponseStream, metadata: Readonly<Record<string, unknown>>): ResponseStream {
      stream.setContentType(PRELUDE_TYPE)
      stream._onBeforeFirstWrite = (write) => {
        write(JSON.stringify(metadata))
        write(new Uint8Array(8))
      }
      return stream
    },
  },
}

interface Process {
  env: Record<string, string | undefined>
}

// `process` is read by its bare name: on some targets the build replaces that name by a module, while
// globalThis has no `process`.
declare const process: Process | undefined

/** Returns `process.env` as the Lambda handler's own code sees it; created if the runtime has none. */
export function processEnv(): Process['env'] {
  if (typeof process !== 'undefined') return process.env
  const scope = globalThis as { process?: Process }
  scope.process ??= { env: {} }
  return scope.process.env
}

/**
 * Defines `awslambda` and `process.env` if the runtime lacks them. Lambda handlers use both while their
 * modules load, so both are defined when `unmoor/from-lambda` is imported.
 */
export function installGlobals(): void {
  const scope = globalThis as { awslambda?: unknown }
  scope.awslambda ??= awslambda
  processEnv()
}
