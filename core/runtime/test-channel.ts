/**
 * The test channel: lets `unmoor/testing` reach an app's bindings, crons and queues in the running artifact.
 * Only artifacts built for tests contain it.
 *
 * `POST /.unmoor/channel` with `authorization: Bearer TOKEN` and JSON `{ op, ... }`; answers `{ value }` or
 * `{ error }`.
 */
import { createContext, type Context } from '../context.ts'
import { UnmoorError } from '../errors.ts'
import { createManifest } from '../manifest.ts'
import {
  callBinding,
  channelValues,
  createChannelEnv,
  decodeValue,
  encodeError,
  encodeValue,
  errorFromJSON,
  type BindingCall,
} from './rpc.ts'
import type { Manifest } from '../manifest.ts'
import type { Runtime } from './runtime.ts'
import { OpenTransactions } from './transaction-channel.ts'
import { isSameText } from './same-text.ts'

/** URL path of the test channel. Paths below `/.unmoor/` belong to unmoor in builds made for tests. */
export const CHANNEL_PATH = '/.unmoor/channel'

/** The requests that the test channel answers. */
export type ChannelRequest =
  | ({ op: 'call' } & BindingCall)
  | { op: 'cron'; name: string; scheduledTime: number }
  | { op: 'depth'; queue: string }
  | { op: 'values' }

/** Numbers of messages in a queue: waiting, delayed, and delivered but not settled. */
export interface QueueDepth {
  ready: number
  delayed: number
  leased: number
}

/** Type of {@link testChannel}, for run-time halves that get the function from the generated entry. */
export type TestChannel = (
  runtime: Runtime,
  request: Request,
  ctx: Context,
  token: string | undefined,
) => Promise<Response | undefined>

/**
 * Answers a request to the test channel; returns undefined for any other path. Without the right token it
 * answers 404, as if the channel did not exist.
 */
export async function testChannel(
  runtime: Runtime,
  request: Request,
  ctx: Context,
  token: string | undefined,
): Promise<Response | undefined> {
  if (new URL(request.url).pathname !== CHANNEL_PATH) return undefined
  if (
    token === undefined ||
    token === '' ||
    !(await isSameText(request.headers.get('authorization') ?? '', `Bearer ${token}`))
  )
    return new Response('Not Found', { status: 404 })
  try {
    const value = await answer(runtime, (await request.json()) as ChannelRequest, ctx)
    return Response.json({ value: await encodeValue(value) })
  } catch (error) {
    return Response.json({ error: encodeError(error) })
  }
}

/** Old name of the test channel's entry. @deprecated Since 0.2: use `testChannel`. */
export const handleTestChannel: TestChannel = testChannel

async function answer(runtime: Runtime, request: ChannelRequest, ctx: Context): Promise<unknown> {
  const manifest = createManifest(runtime.name, runtime.app)
  switch (request.op) {
    case 'call':
      return callBinding(
        manifest,
        runtime.env,
        { binding: request.binding, method: request.method, args: decodeValue(request.args) as unknown[] },
        transactionsOf(runtime),
      )
    case 'cron': {
      const own = createContext({ waitUntil: (promise) => ctx.waitUntil(promise) })
      const { error } = await runtime.cron(request.name, request.scheduledTime, own)
      await own.settled()
      if (error !== undefined) throw error
      return undefined
    }
    case 'depth': {
      const driver = runtime.queueDriver(request.queue)
      if (driver.depth === undefined)
        throw new UnmoorError(
          'Unsupported',
          `The driver of queue "${request.queue}" cannot count its messages.`,
          { binding: request.queue },
        )
      return driver.depth()
    }
    case 'values':
      return channelValues(manifest, runtime.env)
  }
  const { op } = Object(request) as { op?: unknown }
  throw new UnmoorError('InvalidArgument', `The test channel has no operation ${JSON.stringify(op)}.`)
}

/**
 * SQL transactions of the test channel outlive the request that began them, so they are kept by runtime and
 * not by request.
 */
const transactions = new WeakMap<Runtime, OpenTransactions>()

function transactionsOf(runtime: Runtime): OpenTransactions {
  const open = transactions.get(runtime) ?? new OpenTransactions()
  transactions.set(runtime, open)
  return open
}

/** The client of the test channel, which `unmoor/testing` uses. */
export interface ChannelClient {
  call(request: ChannelRequest): Promise<unknown>
  /** Returns the app's env as tests see it; calls of its bindings go through the test channel. */
  env(manifest: Manifest): Promise<Record<string, unknown>>
}

/**
 * Creates a client of the test channel at `url` (an origin). Its calls throw what the app threw, as
 * `UnmoorError` with the same code. @throws `Unavailable` if no channel answers there.
 */
export function createChannelClient(url: string, token: string): ChannelClient {
  const call = async (request: ChannelRequest): Promise<unknown> => {
    const body = JSON.stringify(
      'args' in request ? { ...request, args: await encodeValue(request.args) } : request,
    )
    const response = await fetch(new URL(CHANNEL_PATH, url), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
    })
    if (!response.ok) {
      throw new UnmoorError(
        'Unavailable',
        `The test channel at ${url} answered ${response.status}. Was the app built for tests, and is ` +
          'the token right?',
        {
          operation: request.op,
        },
      )
    }
    const result = (await response.json()) as { value?: unknown; error?: Parameters<typeof errorFromJSON>[0] }
    if (result.error !== undefined) throw errorFromJSON(result.error)
    return decodeValue(result.value)
  }
  return {
    call,
    async env(manifest) {
      const values = (await call({ op: 'values' })) as Record<string, unknown>
      return createChannelEnv(manifest, values, (request) => call({ op: 'call', ...request }))
    },
  }
}
