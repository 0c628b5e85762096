import type { App } from '../../../core/app.ts'
import type { AnyDeclaration } from '../../../core/bindings/declarations.ts'
import { queueWatch } from '../../../core/bindings/queue.ts'
import { errorFromJSON, invalidArgument, type SerializedError, UnmoorError } from '../../../core/errors.ts'
import { addCallerSide, bindingMethods } from '../../../core/runtime/rpc.ts'
import { decodeResult, encodeArgument } from './codec.ts'
import type { GuestSockets } from './guest-sockets.ts'
import { link } from './link.ts'

/**
 * Creates the `env` that an app's handlers receive in an isolate. Its bindings are thin stubs: the portable
 * classes, with all checks and limits, run in the engine.
 */
export function createEnv(
  bindings: App['bindings'],
  values: Readonly<Record<string, unknown>>,
  sockets: GuestSockets | undefined,
): Readonly<Record<string, unknown>> {
  const env: Record<string, unknown> = {}
  for (const [binding, declaration] of Object.entries(bindings)) {
    const { kind } = declaration
    if (kind === 'variable') env[binding] = values[binding]
    else if (kind === 'secret') env[binding] = new Secret(binding)
    else if (kind === 'sockets') env[binding] = sockets?.create(binding, declaration)
    else if (kind === 'objects') env[binding] = createObjects(binding)
    else if (kind === 'assets' || kind === 'service') env[binding] = createFetcher(binding, kind)
    else env[binding] = createStub(binding, declaration, kind === 'sql' ? values[binding] : undefined)
  }
  return Object.freeze(env)
}

function createStub(binding: string, declaration: AnyDeclaration, dialect: unknown): object {
  const stub: Record<string, unknown> = dialect === undefined ? {} : { dialect }
  for (const method of bindingMethods(declaration))
    stub[method] = (...args: unknown[]) => call(binding, method, args)
  addCallerSide(declaration, binding, stub, (method, args) => call(binding, method, args))
  return Object.freeze(stub)
}

/**
 * Creates a Durable Objects binding. Its storage calls are synchronous: the isolate blocks until the engine
 * answers.
 */
function createObjects(binding: string): object {
  return Object.freeze({
    query(object: string, text: string, params: readonly unknown[]): unknown {
      const answer = link.callSync('objects', binding, object, text, [...params]) as {
        error?: { name: string; message: string }
        value?: unknown
      }
      if (answer.error !== undefined) throw link.toError(answer.error)
      return answer.value
    },
  })
}

async function call(binding: string, method: string, args: readonly unknown[]): Promise<unknown> {
  const where = { binding, operation: method }
  const isSend = method === 'send' || method === 'sendBatch'
  const data = isSend ? messages(method, args, where) : args
  const answer = await link.request(
    'binding',
    binding,
    method,
    data.map((item) => encodeArgument(item, where)),
    ...(isSend ? [queueWatch.trailer?.()] : []),
  )
  try {
    return settle(answer)
  } catch (error) {
    throw withReason(error, args)
  }
}

/**
 * Returns the `Aborted` error of a binding call with the reason of the caller's own signal as its cause; the
 * engine knows only that the signal aborted.
 */
function withReason(error: unknown, args: readonly unknown[]): unknown {
  if (!(error instanceof UnmoorError) || error.code !== 'Aborted') return error
  for (const arg of args) {
    const signal: unknown =
      typeof arg === 'object' && arg !== null && 'signal' in arg ? arg.signal : undefined
    if (link.isSignal(signal) && signal.aborted)
      return new UnmoorError(error.code, error.message, { ...error.toJSON(), cause: signal.reason })
  }
  return error
}

/** Returns the result of a binding call. @throws the error that the engine's answer describes. */
export function settle(answer: unknown): unknown {
  const { error, cause, value } = answer as {
    error?: SerializedError | { name: string; message: string }
    cause?: unknown
    value?: unknown
  }
  if (error !== undefined) throw toError(error, cause === undefined ? undefined : link.toError(cause))
  return decodeResult(value)
}

function toError(error: SerializedError | { name: string; message: string }, cause: unknown): unknown {
  return 'code' in error
    ? new UnmoorError(error.code, error.message, { ...error, cause })
    : link.toError(error)
}

// Objects in a queue message are sent as their JSON, so that `toJSON` applies as on every target. Bytes and
// primitives pass unchanged; the engine validates them.
function messages(
  method: string,
  args: readonly unknown[],
  where: { binding: string; operation: string },
): unknown[] {
  const plain = (body: unknown): unknown => {
    if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body) || body instanceof ArrayBuffer)
      return body
    try {
      return JSON.parse(JSON.stringify(body))
    } catch (error) {
      throw invalidArgument(where, `${where.binding}.${where.operation}: the message is not JSON.`, error)
    }
  }
  const [first, ...rest] = args
  if (method === 'send') return [plain(first), ...rest]
  return [
    [...(first as Iterable<{ body?: unknown }>)].map((request) =>
      typeof request === 'object' && request !== null ? { ...request, body: plain(request.body) } : request,
    ),
    ...rest,
  ]
}

/** A secret binding, as on every target: printing the object in any way shows `[secret]`. */
class Secret {
  #binding: string
  constructor(binding: string) {
    this.#binding = binding
  }
  get(): Promise<unknown> {
    return call(this.#binding, 'get', [])
  }
  toString(): string {
    return '[secret]'
  }
  toJSON(): string {
    return '[secret]'
  }
  get [Symbol.toStringTag](): string {
    return 'Secret'
  }
}

// Creates a service or assets binding. Its requests take the same path as the global `fetch`: bodies are
// streamed, and an abort is forwarded.
function createFetcher(binding: string, kind: 'service' | 'assets'): object {
  return Object.freeze({
    async fetch(input: unknown, init?: RequestInit): Promise<unknown> {
      const target =
        typeof input === 'string' && input.startsWith('/')
          ? `http://${kind === 'assets' ? 'assets' : binding}${input}`
          : input
      const request = new Request(
        target as RequestInfo,
        kind === 'service' ? { redirect: 'manual', ...init } : init,
      )
      try {
        return await link.fetchByHost('bindingFetch', request as never, binding)
      } catch (error) {
        const { signal } = request
        if (kind === 'service' && signal.aborted && error === signal.reason)
          throw new UnmoorError('Aborted', `${binding}.fetch was aborted.`, {
            binding,
            operation: 'fetch',
            cause: error,
          })
        const data = (error as { unmoor?: SerializedError } | null)?.unmoor
        throw data === undefined ? error : errorFromJSON(data)
      }
    },
  })
}
