/** Our loop before a Runtime API of the test's own. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach } from 'vitest'
import {
  createRuntimeApi,
  type ApiInvocation,
  type ApiResponse,
  type RuntimeApi,
} from '../../adapters/lambda/local/runtime-api.ts'
import type { EventOptions } from '../../adapters/lambda/runtime/events.ts'
import { type Loop, type LoopSettings, runLoop } from '../../adapters/lambda/runtime/loop.ts'
import { RuntimeClient } from '../../adapters/lambda/runtime/runtime-client.ts'
import { defineApp } from '../../core/app.ts'
import type { Context } from '../../core/context.ts'
import { createRuntime } from '../../core/runtime/runtime.ts'

type Fetch = (request: Request, env: unknown, ctx: Context) => Response | Promise<Response>

export interface Rig {
  api: RuntimeApi
  loop: Loop
  lines: string[]
  /** Method and path of each call that reached the API. */
  calls: string[]
}

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

export async function rig(
  fetch: Fetch,
  options: {
    intercept?: (
      request: IncomingMessage,
      response: ServerResponse,
      call: number,
    ) => boolean | Promise<boolean>
    events?: Partial<EventOptions>
    settings?: LoopSettings
  } = {},
): Promise<Rig> {
  const calls: string[] = []
  const lines: string[] = []
  const api = await createRuntimeApi({
    intercept(request, response) {
      calls.push(`${request.method} ${request.url?.replace('/2018-06-01/runtime/', '')}`)
      return options.intercept?.(request, response, calls.length) ?? false
    },
  })
  const log = (message: string, error?: unknown): void =>
    void lines.push(error === undefined ? message : `${message} ${String(error)}`)
  const crons = {
    tick: { schedule: '* * * * *', run: (event: { noRetry(): void; scheduledTime: number }) => fail(event) },
  }
  const runtime = await createRuntime({
    app: defineApp({ fetch, crons }),
    name: 'test',
    drivers: {},
    variable: () => undefined,
    onError: log,
  })
  const client = new RuntimeClient(api.address, { userAgent: 'test', log })
  const loop = runLoop(
    client,
    { runtime, invokeMode: 'RESPONSE_STREAM', variable: () => undefined, log, ...options.events },
    options.settings,
  )
  ends.push(async () => {
    await loop.stop().catch(() => undefined)
    client.close()
    await api.close()
  })
  return { api, loop, lines, calls }
}

function fail(event: { noRetry(): void; scheduledTime: number }): void {
  if (event.scheduledTime === 1) event.noRetry()
  if (event.scheduledTime < 3) throw new RangeError('no luck')
}

export function http(path: string, method = 'GET', domainName = 'x.lambda-url.us-east-1.on.aws'): string {
  return JSON.stringify({
    rawPath: path,
    rawQueryString: '',
    headers: {},
    requestContext: { domainName, http: { method } },
  })
}

export function send(
  api: RuntimeApi,
  payload: string,
  more: Partial<ApiInvocation> = {},
): ReturnType<RuntimeApi['invoke']> {
  return api.invoke({ payload, deadline: Date.now() + 30_000, ...more })
}

export async function read(answer: ApiResponse): Promise<{
  head?: { statusCode: number; headers: Record<string, string>; cookies: string[] }
  body: string
  failed?: string | undefined
}> {
  if (answer.kind === 'error') throw new Error(`${answer.errorType}: ${answer.errorMessage}`)
  if (answer.kind === 'buffered') return { body: answer.payload }
  const chunks: Buffer[] = []
  for await (const chunk of answer.body) chunks.push(chunk as Buffer)
  const [head = '', body = ''] = Buffer.concat(chunks).toString('utf8').split('\0\0\0\0\0\0\0\0')
  return { head: JSON.parse(head) as never, body, failed: answer.failed() }
}
