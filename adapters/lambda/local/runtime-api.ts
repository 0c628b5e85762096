import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { UnmoorError } from '../../../core/errors.ts'

/** Maximum bytes of a Lambda event and of a buffered answer, as on AWS. */
export const PAYLOAD_LIMIT = 6 * 1024 * 1024

/** Options of {@link createRuntimeApi}. */
export interface RuntimeApiOptions {
  /**
   * Called first with every call of the Lambda runtime; true means that it has handled the call. It injects
   * faults: late answers, closed connections, 403, 5xx. Default: none.
   */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>
}

/** An event that the Runtime API passes to the Lambda function. */
export interface ApiInvocation {
  /** The Lambda event as JSON text. */
  payload: string
  /** Deadline of the Lambda event in milliseconds since 1970. */
  deadline: number
  /** Request id of the Lambda event. Default: a new UUID. */
  requestId?: string
  /** ARN of the Lambda function. Default: an ARN of account 000000000000. */
  functionArn?: string
  /** X-Ray trace id of the Lambda event. Default: none. */
  traceId?: string | undefined
}

/** The Lambda function's answer, as the Runtime API receives it. */
export type ApiResponse =
  | { readonly kind: 'buffered'; readonly payload: string }
  /**
   * A streamed answer of the function. Once the body has ended, `failed` returns the error in its trailers.
   */
  | {
      readonly kind: 'stream'
      readonly contentType: string
      readonly body: IncomingMessage
      readonly failed: () => string | undefined
    }
  | { readonly kind: 'error'; readonly errorType: string; readonly errorMessage: string }

/** Lambda's Runtime API for one local environment, on a free port of 127.0.0.1. */
export interface RuntimeApi {
  /** Value of the variable AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  /** User agent of the Lambda runtime; undefined before its first call. */
  readonly userAgent: string | undefined
  /** Resolves when the Lambda runtime asks for its first event; rejects with its init error. */
  readonly started: Promise<void>
  /**
   * Passes an event to a waiting call of the Lambda runtime, or to its next call. `response` resolves with
   * the answer; `done` when the runtime then asks for the next event, or ends. Both reject if `fail` is
   * called. A runtime that handles several events at once makes as many calls; answered events are done in
   * their order.
   */
  invoke(invocation: ApiInvocation): { response: Promise<ApiResponse>; done: Promise<void> }
  /** Reports that the process of the Lambda runtime is gone; all promises that wait for it reject. */
  fail(error: unknown): void
  close(): Promise<void>
}

interface Pending {
  readonly invocation: ApiInvocation & { readonly requestId: string }
  readonly response: PromiseWithResolvers<ApiResponse>
  readonly done: PromiseWithResolvers<void>
  /** True while a call of the Lambda runtime has the event; false again if that call's connection breaks. */
  given: boolean
  answered: boolean
}

/** Starts a local Runtime API of Lambda on a free port. */
export async function createRuntimeApi(options: RuntimeApiOptions = {}): Promise<RuntimeApi> {
  const api = new Api(options)
  await api.listen()
  return api
}

class Api implements RuntimeApi {
  #server = createServer((request, response) => void this.#handle(request, response))
  #intercept: RuntimeApiOptions['intercept']
  #started = Promise.withResolvers<void>()
  /** Calls of the Lambda runtime that wait for an event. */
  #polls: ServerResponse[] = []
  /** Unfinished Lambda events by request id, in the order of their arrival. */
  #open = new Map<string, Pending>()
  address = ''
  userAgent: string | undefined

  constructor(options: RuntimeApiOptions) {
    this.#intercept = options.intercept
    this.#started.promise.catch(() => undefined)
    // Timeouts of the Runtime API's server are off, because an environment may work for minutes between two
    // calls.
    this.#server.keepAliveTimeout = 0
    this.#server.requestTimeout = 0
  }

  get started(): Promise<void> {
    return this.#started.promise
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.address = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  invoke(invocation: ApiInvocation): { response: Promise<ApiResponse>; done: Promise<void> } {
    const pending: Pending = {
      invocation: { ...invocation, requestId: invocation.requestId ?? crypto.randomUUID() },
      response: Promise.withResolvers(),
      done: Promise.withResolvers(),
      given: false,
      answered: false,
    }
    pending.response.promise.catch(() => undefined)
    pending.done.promise.catch(() => undefined)
    this.#open.set(pending.invocation.requestId, pending)
    this.#deliver()
    return { response: pending.response.promise, done: pending.done.promise }
  }

  fail(error: unknown): void {
    this.#started.reject(error)
    for (const pending of this.#open.values()) {
      pending.response.reject(error)
      pending.done.reject(error)
    }
    this.#open.clear()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.userAgent ??= request.headers['user-agent']
    try {
      if (await this.#intercept?.(request, response)) return
      const [, version, runtime, kind, id, what] = (request.url ?? '').split('/')
      if (version !== '2018-06-01' || runtime !== 'runtime')
        return refuse(response, 404, 'NotFound', `There is no ${request.url}.`)
      if (request.method === 'GET' && kind === 'invocation' && id === 'next') return this.#next(response)
      if (request.method === 'POST' && kind === 'init' && id === 'error')
        return await this.#initError(request, response)
      if (request.method === 'POST' && kind === 'invocation' && (what === 'response' || what === 'error'))
        return await this.#answer(id ?? '', what, request, response)
      refuse(response, 404, 'NotFound', `There is no ${request.method} ${request.url}.`)
    } catch {
      // The Lambda runtime broke the connection. Either it calls again or its process ends, and both are
      // noticed.
      response.destroy()
    }
  }

  #next(response: ServerResponse): void {
    this.#started.resolve()
    const answered = this.#open.values().find((pending) => pending.answered)
    if (answered !== undefined) {
      this.#open.delete(answered.invocation.requestId)
      answered.done.resolve()
    }
    this.#polls.push(response)
    response.on('close', () => (this.#polls = this.#polls.filter((other) => other !== response)))
    this.#deliver()
  }

  #deliver(): void {
    for (const pending of this.#open.values()) {
      if (pending.answered || pending.given) continue
      const response = this.#polls.shift()
      if (response === undefined) return
      pending.given = true
      response.on('close', () => (pending.given = response.writableFinished))
      giveEvent(response, pending.invocation)
    }
  }

  async #initError(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { errorType, errorMessage } = readError(request, await readBody(request))
    this.#started.reject(initError(errorType, errorMessage))
    accept(response)
  }

  async #answer(
    id: string,
    what: 'response' | 'error',
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const pending = this.#open.get(id)
    if (pending === undefined || pending.answered)
      return refuse(
        response,
        400,
        'InvalidRequestID',
        `The request id ${id} is not one that waits for an answer.`,
      )
    if (what === 'response' && request.headers['lambda-runtime-function-response-mode'] === 'streaming') {
      pending.answered = true
      const failed = (): string | undefined => request.trailers['lambda-runtime-function-error-type']
      pending.response.resolve({
        kind: 'stream',
        contentType: request.headers['content-type'] ?? '',
        body: request,
        failed,
      })
      await once(request, 'end')
      return accept(response)
    }
    const body = await readBody(request)
    // If the connection broke within the body, the Lambda runtime sends the answer again.
    if (pending.answered || this.#open.get(id) !== pending)
      return refuse(response, 400, 'InvalidRequestID', `The request id ${id} has been answered.`)
    pending.answered = true
    if (what === 'error') {
      pending.response.resolve({ kind: 'error', ...readError(request, body) })
    } else if (body.byteLength > PAYLOAD_LIMIT) {
      pending.response.resolve({
        kind: 'error',
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage:
          `Response payload size (${body.byteLength} bytes) exceeded maximum allowed ` +
          `payload size (${PAYLOAD_LIMIT} bytes).`,
      })
      return refuse(
        response,
        413,
        'RequestEntityTooLarge',
        `Exceeded maximum allowed payload size (${PAYLOAD_LIMIT} bytes).`,
      )
    } else {
      pending.response.resolve({ kind: 'buffered', payload: body.toString('utf8') })
    }
    accept(response)
  }
}

function giveEvent(
  response: ServerResponse,
  { requestId, deadline, functionArn, traceId, payload }: Pending['invocation'],
): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(payload),
    'lambda-runtime-aws-request-id': requestId,
    'lambda-runtime-deadline-ms': deadline,
    'lambda-runtime-invoked-function-arn':
      functionArn ?? 'arn:aws:lambda:us-east-1:000000000000:function:local',
    ...(traceId === undefined ? {} : { 'lambda-runtime-trace-id': traceId }),
  })
  response.end(payload)
}

/** Converts an init error of a Lambda environment; errors of ours keep their code. */
function initError(errorType: string, errorMessage: string): UnmoorError {
  const code = /^Unmoor\.(\w+)$/.exec(errorType)?.[1]
  if (code === 'NotFound' || code === 'InvalidArgument' || code === 'Unsupported')
    return new UnmoorError(code, errorMessage, { operation: 'start' })
  return new UnmoorError('Unavailable', `The app cannot start: ${errorType}: ${errorMessage}`, {
    operation: 'start',
    retryable: false,
  })
}

function readError(request: IncomingMessage, body: Buffer): { errorType: string; errorMessage: string } {
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
  let parsed: { errorType?: unknown; errorMessage?: unknown } | null | undefined
  try {
    parsed = JSON.parse(body.toString('utf8')) as { errorType?: unknown; errorMessage?: unknown } | null
  } catch {
    // The body of the runtime's error report is not JSON, so only the error type in the header is used.
  }
  return {
    errorType:
      text(parsed?.errorType) ?? text(request.headers['lambda-runtime-function-error-type']) ?? 'Error',
    errorMessage: text(parsed?.errorMessage) ?? '',
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function accept(response: ServerResponse): void {
  response
    .writeHead(202, { 'content-type': 'application/json', 'content-length': 16 })
    .end('{"status":"OK"}\n')
}

function refuse(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ errorType, errorMessage }))
}
