import type { Service } from '../../bindings/service.ts'
import { newestContext, withContext, WorkerContext } from './context.ts'
import { callHandler, openEntrypoint } from './entrypoint.ts'
import { createStub } from './loopback.ts'
import { passResult, passValue, remote } from './references.ts'
import { remoteMethod } from './rpc-target.ts'
import { connect } from './sockets.ts'
import { currentSpec, portable, state } from './state.ts'
import { lengthOf } from './known-length.ts'
import { deserialize, serialize } from './structured.ts'

/** Path and headers of RPC calls between Workers in different processes. */
export const RPC_PATH = '/__unmoor/rpc'
const TOKEN = 'unmoor-service-token'
const ENTRYPOINT = 'unmoor-service-entrypoint'

/**
 * Adds content-length to the request of a service binding, or transfer-encoding if the length is unknown, as
 * a real connection would.
 */
function withLength(request: Request, given: BodyInit | null | undefined): Request {
  const { body, headers } = request
  if (body === null || headers.has('content-length')) return request
  const length = lengthOf(given ?? body) ?? lengthOf(body)
  if (length !== undefined) headers.set('content-length', String(length))
  else if (given instanceof ReadableStream) headers.set('transfer-encoding', 'chunked')
  return request
}

/** Cloudflare's Fetcher, the type of service bindings and `ASSETS`. */
export interface Fetcher {
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  connect(address: unknown): never
}

interface Call {
  entrypoint: string
  method: string
  args: readonly unknown[]
  props: unknown
  /** True if an RPC call reads a property instead of calling a method. Default: false. */
  read?: boolean
}

/**
 * Creates a service binding from a Worker to itself, which is called within the process, with copies of the
 * arguments.
 */
export function createSelfService(entrypoint: string, props: unknown): Fetcher {
  const open = (ctx: WorkerContext) => {
    const target = openEntrypoint(state.module, entrypoint, ctx, state.env)
    if (target === undefined) throw new TypeError(`The Worker has no entrypoint "${entrypoint}".`)
    return target
  }
  const run = <T>(work: (ctx: WorkerContext) => T): Promise<Awaited<T>> => {
    const ctx = new WorkerContext(newestContext() ?? NO_CONTEXT, props)
    return withContext(ctx, () => work(ctx)) as Promise<Awaited<T>>
  }
  const fetch = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> =>
    run(
      (ctx) =>
        callHandler(
          open(ctx),
          'fetch',
          withLength(new Request(input, { redirect: 'manual', ...init }), init?.body),
          state.env,
          ctx,
        ) as Promise<Response>,
    )
  return createStub({ fetch, connect }, (method, args) =>
    remote(
      run(async (ctx) => {
        const found = remoteMethod(open(ctx).instance, method)
        return passResult(
          typeof found === 'function' && args !== undefined
            ? await (found as (...args: unknown[]) => unknown)(...args.map(passValue))
            : found,
        )
      }),
    ),
  )
}

const NO_CONTEXT = {
  waitUntil(promise: Promise<unknown>): void {
    void Promise.resolve(promise).catch((error: unknown) =>
      console.error('waitUntil promise rejected:', error),
    )
  },
  passThroughOnException(): void {},
}

/**
 * Creates a service binding to another app. Its `fetch` reaches the app; method calls reach its entrypoints,
 * if both apps have the same token.
 */
export function createService(binding: string, entrypoint: string | undefined, props: unknown): Fetcher {
  const service = (): Service => portable<Service>(binding)
  const fetch = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    if (entrypoint === undefined || entrypoint === 'default') return service().fetch(input, init)
    const request = new Request(input, { redirect: 'manual', ...init })
    request.headers.set(ENTRYPOINT, entrypoint)
    request.headers.set(TOKEN, requireToken(binding))
    return service().fetch(request)
  }
  return createStub({ fetch, connect }, async (method, args) => {
    const call: Call = { entrypoint: entrypoint ?? 'default', method, args: args ?? [], props }
    const body = serialize(args === undefined ? { ...call, read: true } : call)
    const response = await service().fetch(RPC_PATH, {
      method: 'POST',
      headers: { [TOKEN]: requireToken(binding) },
      body,
    })
    if (response.status !== 200)
      throw new Error(
        `The app behind "${binding}" answered a call of ${method}() with ${response.status}. Is it ` +
          'built with --worker, and has it the same UNMOOR_SERVICE_TOKEN?',
      )
    const answer = deserialize(await response.text()) as { value?: unknown; error?: unknown }
    if ('error' in answer) return remote(Promise.reject(answer.error as Error))
    return answer.value
  })
}

function serviceToken(): string {
  const variable = currentSpec().serviceToken
  return variable === undefined ? '' : (portable<string | undefined>(variable) ?? '')
}

function requireToken(binding: string): string {
  const token = serviceToken()
  if (token === '')
    throw new Error(
      `Calls of methods through the service binding "${binding}" need a secret that both Workers share: ` +
        'set UNMOOR_SERVICE_TOKEN to the same random text for both.',
    )
  return token
}

/**
 * Answers a call that another Worker makes by {@link createService}; undefined for any other request. A call
 * without the token is treated as an ordinary request.
 */
export async function answerService(request: Request, ctx: WorkerContext): Promise<Response | undefined> {
  const given = request.headers.get(TOKEN)
  const token = given === null ? '' : serviceToken()
  if (token === '' || given !== token) return undefined
  const entrypoint = request.headers.get(ENTRYPOINT)
  if (entrypoint !== null) {
    const target = openEntrypoint(state.module, entrypoint, ctx, state.env)
    if (target === undefined) return new Response(`There is no entrypoint "${entrypoint}".`, { status: 404 })
    return (await callHandler(target, 'fetch', request, state.env, ctx)) as Response
  }
  if (new URL(request.url).pathname !== RPC_PATH || request.method !== 'POST') return undefined
  let answer: string
  try {
    const call = deserialize(await request.text()) as Call
    const own = new WorkerContext(ctx, call.props ?? {})
    const target = openEntrypoint(state.module, call.entrypoint, own, state.env)
    if (target === undefined) throw new TypeError(`The Worker has no entrypoint "${call.entrypoint}".`)
    const found = remoteMethod(target.instance, call.method)
    answer = serialize({
      value:
        typeof found === 'function' && call.read !== true
          ? await (found as (...args: unknown[]) => unknown)(...call.args)
          : found,
    })
  } catch (error) {
    answer = serialize({ error: error instanceof Error ? error : new Error(String(error)) })
  }
  return new Response(answer)
}
