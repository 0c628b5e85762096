import process from 'node:process'
import type { Agent } from 'node:http'
import { UnmoorError } from '../../../core/errors.ts'
import type { ApiAnswer } from './api-answer.ts'
import { ApiConnection } from './api-connection.ts'
import type { LambdaError } from './errors.ts'

const VERSION = '/2018-06-01/runtime'
/**
 * Maximum tries of a failed call of the Runtime API, after which the environment counts as ended; the pauses
 * between tries add up to about 6 s.
 */
const ATTEMPTS = 8
const MAX_PAUSE = 2000

/** A Lambda event to handle, as the Runtime API returned it. */
export interface Invocation {
  readonly requestId: string
  /** Time at which Lambda ends this environment, in milliseconds since 1970. */
  readonly deadline: number
  readonly functionArn: string | undefined
  readonly traceId: string | undefined
  /** The Lambda event as JSON text; undefined if the API cut it off. */
  readonly payload: string | undefined
}

/** A streamed answer that is being sent to the Runtime API. */
export interface ResponseStream {
  /**
   * Resolves when the Runtime API can take more of an answer. Rejects when the connection or the API failed.
   */
  write(chunk: string | Uint8Array): Promise<void>
  /**
   * Ends a streamed answer; resolves when the Runtime API has taken it. With `error`, the trailers tell the
   * invoker that the body is incomplete.
   */
  end(error?: LambdaError): Promise<void>
}

/**
 * Client of Lambda's Runtime API over keep-alive connections, with one call at a time on each.
 *
 * Calls whose connection breaks, or that are answered with a 5xx, are repeated with growing pauses. Repeating
 * an answer is safe: the API takes one answer per request id and refuses a second with a 4xx.
 */
export class RuntimeClient {
  #agent: Agent | undefined
  #host: string
  #address: string
  #port: number
  #userAgent: string
  #stopped = false
  #idle: ApiConnection[] = []
  /** Connections of calls of the Runtime API that wait for an event. */
  #waiting = new Set<ApiConnection>()
  #log: (message: string) => void

  /** Creates a client of the Runtime API. `address` is the value of AWS_LAMBDA_RUNTIME_API: host and port. */
  constructor(address: string, options: { userAgent: string; log?: (message: string) => void }) {
    const { hostname, port } = new URL(`http://${address}`)
    // The brackets of an IPv6 address of the Runtime API are removed.
    this.#host = hostname.replaceAll(/^\[|\]$/g, '')
    this.#address = address
    this.#port = port === '' ? 80 : Number(port)
    this.#userAgent = options.userAgent
    this.#log = options.log ?? ((message) => console.error(message))
  }

  /**
   * Waits for the next Lambda event. Returns undefined after {@link stop}. @throws `Unavailable` if the
   * Runtime API cannot be reached.
   */
  async next(): Promise<Invocation | undefined> {
    for (let attempt = 1; ; attempt++) {
      if (this.#stopped) return undefined
      let problem: unknown
      try {
        const { status, headers, body } = await this.#call('GET', '/invocation/next')
        const requestId = headers.get('lambda-runtime-aws-request-id')
        if (status === 200 && requestId !== undefined) {
          const deadline = Number(headers.get('lambda-runtime-deadline-ms'))
          return {
            requestId,
            deadline: Number.isFinite(deadline) && deadline > 0 ? deadline : Date.now() + 15 * 60_000,
            functionArn: headers.get('lambda-runtime-invoked-function-arn'),
            traceId: headers.get('lambda-runtime-trace-id'),
            payload: body,
          }
        }
        problem =
          `it answered ${status}${status === 200 ? ' without a request id' : ''}` +
          (body ? `: ${body.slice(0, 200)}` : '')
      } catch (error) {
        problem = error
      }
      if (this.#stopped) return undefined
      if (attempt === ATTEMPTS) throw unavailable('gave no event', problem)
      this.#log(`Lambda Runtime API gave no event, trying again: ${text(problem)}`)
      await pause(attempt)
    }
  }

  /** Answers a Lambda invocation with JSON text. */
  async respond(requestId: string, payload: string): Promise<void> {
    await this.#post(`/invocation/${requestId}/response`, payload, { 'content-type': 'application/json' })
  }

  /** Reports to the Runtime API that an invocation failed. */
  async invocationError(requestId: string, error: LambdaError): Promise<void> {
    await this.#postError(`/invocation/${requestId}/error`, error)
  }

  /** Reports to the Runtime API that this environment cannot start. */
  async initError(error: LambdaError): Promise<void> {
    await this.#postError('/init/error', error)
  }

  #postError(path: string, error: LambdaError): Promise<void> {
    return this.#post(path, JSON.stringify({ ...error, stackTrace: [] }), {
      'content-type': 'application/vnd.aws.lambda.error+json',
      'lambda-runtime-function-error-type': asHeader(error.errorType),
    })
  }

  async #post(path: string, payload: string, headers: Readonly<Record<string, string>>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      let problem: unknown
      try {
        const { status, body } = await this.#call('POST', path, payload, headers)
        if (status < 300) return
        problem = `it answered ${status}: ${body?.slice(0, 200) ?? ''}`
        // A call that the Runtime API refused with a 4xx is not retried: the answer is too large, or an
        // earlier try was taken and only its reply was lost.
        if (status < 500)
          throw new UnmoorError('Internal', `Lambda Runtime API refused POST ${path}: ${text(problem)}`, {
            operation: 'lambda',
            retryable: false,
          })
      } catch (error) {
        if (error instanceof UnmoorError) throw error
        problem = error
      }
      if (attempt === ATTEMPTS) throw unavailable(`did not take POST ${path}`, problem)
      this.#log(`Lambda Runtime API did not take POST ${path}, trying again: ${text(problem)}`)
      await pause(attempt)
    }
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    payload = '',
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer> {
    const connection = this.#idle.pop() ?? new ApiConnection(this.#host, this.#port)
    const waits = method === 'GET'
    if (waits) this.#waiting.add(connection)
    const size = Buffer.byteLength(payload)
    let head =
      `${method} ${VERSION}${path} HTTP/1.1\r\nhost: ${this.#address}\r\nuser-agent: ` +
      `${this.#userAgent}\r\n`
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`
    if (!waits) head += `content-length: ${size}\r\n`
    try {
      // A request to the Runtime API is one write. Latin-1, the faster encoding, is used if each character is
      // one byte.
      return await connection.send(`${head}\r\n${payload}`, size === payload.length ? 'latin1' : 'utf8')
    } finally {
      this.#waiting.delete(connection)
      if (connection.open) this.#idle.push(connection)
    }
  }

  /** Loads the modules that streamed Lambda answers need, so that the first such answer need not wait. */
  prepareStreams(): void {
    this.#agent ??= new (nodeHttp().Agent)({ keepAlive: true })
  }

  /**
   * Starts a streamed answer to the Runtime API. It is never repeated, because the body is gone once sent.
   */
  stream(requestId: string, contentType: string): ResponseStream {
    this.prepareStreams()
    const request = nodeHttp().request({
      host: this.#host,
      port: this.#port,
      agent: this.#agent,
      method: 'POST',
      path: `${VERSION}/invocation/${requestId}/response`,
      headers: {
        'user-agent': this.#userAgent,
        'content-type': contentType,
        'lambda-runtime-function-response-mode': 'streaming',
        'transfer-encoding': 'chunked',
        trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
      },
    })
    // The head of a streamed answer, the chunks that are there already and the end go out in one packet.
    request.cork()
    setImmediate(() => request.uncork())
    let failure: Error | undefined
    let done = false
    let wake: (() => void) | undefined
    const answered = new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        failure ??= error
        reject(failure)
        wake?.()
      }
      request.on('error', (error) => fail(unavailable('broke the connection of a streamed answer', error)))
      // An answer of the Runtime API before the end of the body is a refusal too; without this check, a write
      // would wait for a drain that never comes.
      request.on('close', () => {
        if (!done) fail(unavailable('closed the connection of a streamed answer', 'no answer came'))
      })
      request.on('response', (message) => {
        done = true
        const { statusCode: status = 0 } = message
        let body = ''
        message.setEncoding('utf8').on('data', (text: string) => (body += text))
        // The headers arrived, so the Runtime API has received the streamed answer; only its message about
        // the answer may be lost.
        message.on('close', () =>
          status < 300
            ? resolve()
            : fail(unavailable('refused a streamed answer', `it answered ${status}: ${body.slice(0, 200)}`)),
        )
      })
    })
    answered.catch(() => undefined)
    request.on('drain', () => wake?.())
    return {
      async write(chunk) {
        if (failure === undefined && !request.write(chunk))
          await new Promise<void>((resolve) => (wake = resolve))
        if (failure !== undefined) throw failure
      },
      end(error) {
        if (failure !== undefined) return Promise.reject(failure)
        if (error !== undefined) {
          const body = Buffer.from(JSON.stringify({ ...error, stackTrace: [] })).toString('base64')
          request.addTrailers({
            'Lambda-Runtime-Function-Error-Type': asHeader(error.errorType),
            'Lambda-Runtime-Function-Error-Body': body,
          })
        }
        request.end()
        return answered
      },
    }
  }

  /** Ends all waits for Lambda events; `next` then returns undefined. Answers can still be sent. */
  stop(): void {
    this.#stopped = true
    for (const connection of this.#waiting) connection.destroy()
  }

  /** Closes all connections to the Runtime API. */
  close(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy()
    this.#agent?.destroy()
  }
}

/**
 * Loads node:http. An `import` would evaluate all its lazy exports, a third of the start-up time, and only
 * streamed Lambda answers need the module.
 */
const nodeHttp = (): ReturnType<typeof process.getBuiltinModule<'node:http'>> =>
  process.getBuiltinModule('node:http')

/** Converts the type of a reported error to a header value, where most characters are not allowed. */
function asHeader(value: string): string {
  return value.replaceAll(/[^\w.$-]+/g, '_').slice(0, 200) || 'Error'
}

function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.min(MAX_PAUSE, 50 * 2 ** (attempt - 1))))
}

function unavailable(what: string, problem: unknown): UnmoorError {
  return new UnmoorError('Unavailable', `Lambda Runtime API ${what}: ${text(problem)}`, {
    operation: 'lambda',
    cause: problem,
  })
}

function text(problem: unknown): string {
  return problem instanceof Error
    ? problem.message || (problem as NodeJS.ErrnoException).code || problem.name
    : String(problem)
}
