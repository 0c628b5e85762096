import { PRELUDE_TYPE, type ResponseStream } from './response-stream.ts'

/** How AWS's own client marks a streaming handler. */
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')

type AnyFunction = (...args: never[]) => unknown

/** True if `awslambda.streamifyResponse` made the handler, ours or AWS's own. */
export function isStreaming(handler: AnyFunction): boolean {
  return (handler as { [STREAMING]?: unknown })[STREAMING] !== undefined
}

/** The global `awslambda`, as AWS's runtimes have it. */
const awslambda = {
  streamifyResponse<Handler extends AnyFunction>(handler: Handler): Handler {
    return Object.assign(handler, { [STREAMING]: 'response' })
  },
  HttpResponseStream: {
    /** Gives the stream a status, headers and cookies, which are sent with the first write or the end. */
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

// Declared by its bare name: on some targets the build puts a module in its place, which globalThis does not
// know.
declare const process: Process | undefined

/** `process.env` as the handler's own code sees it; made where the runtime has none. */
export function processEnv(): Process['env'] {
  if (typeof process !== 'undefined') return process.env
  const scope = globalThis as { process?: Process }
  scope.process ??= { env: {} }
  return scope.process.env
}

/**
 * Puts `awslambda` and `process.env` in place where the runtime has none: handlers use both while their
 * modules load, so this runs when this module does.
 */
export function installGlobals(): void {
  const scope = globalThis as { awslambda?: unknown }
  scope.awslambda ??= awslambda
  processEnv()
}
