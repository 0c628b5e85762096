/** Our loop against Lambda's Runtime API, whole and broken. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { createRuntimeApi, type ApiInvocation, type ApiResponse, type RuntimeApi } from '../../adapters/lambda/runtime-api.ts'
import type { EventOptions } from '../../adapters/lambda/runtime/events.ts'
import { runLoop, type Loop } from '../../adapters/lambda/runtime/loop.ts'
import { RuntimeClient } from '../../adapters/lambda/runtime/runtime-client.ts'
import { defineApp } from '../../core/app.ts'
import type { Context } from '../../core/context.ts'
import { createRuntime } from '../../core/runtime.ts'

type Fetch = (request: Request, env: unknown, ctx: Context) => Response | Promise<Response>

interface Rig {
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

async function rig(
  fetch: Fetch,
  options: {
    intercept?: (request: IncomingMessage, response: ServerResponse, call: number) => boolean | Promise<boolean>
    events?: Partial<EventOptions>
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
  const log = (message: string, error?: unknown): void => void lines.push(error === undefined ? message : `${message} ${String(error)}`)
  const crons = { tick: { schedule: '* * * * *', run: (event: { noRetry(): void; scheduledTime: number }) => fail(event) } }
  const runtime = await createRuntime({ app: defineApp({ fetch, crons }), name: 'test', drivers: {}, variable: () => undefined, onError: log })
  const client = new RuntimeClient(api.address, { userAgent: 'test', log })
  const loop = runLoop(client, { runtime, invokeMode: 'RESPONSE_STREAM', variable: () => undefined, log, ...options.events })
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

function http(path: string, method = 'GET', domainName = 'x.lambda-url.us-east-1.on.aws'): string {
  return JSON.stringify({ rawPath: path, rawQueryString: '', headers: {}, requestContext: { domainName, http: { method } } })
}

function send(api: RuntimeApi, payload: string, more: Partial<ApiInvocation> = {}): ReturnType<RuntimeApi['invoke']> {
  return api.invoke({ payload, deadline: Date.now() + 5000, ...more })
}

async function read(
  answer: ApiResponse,
): Promise<{ head?: { statusCode: number; headers: Record<string, string>; cookies: string[] }; body: string; failed?: string | undefined }> {
  if (answer.kind === 'error') throw new Error(`${answer.errorType}: ${answer.errorMessage}`)
  if (answer.kind === 'buffered') return { body: answer.payload }
  const chunks: Buffer[] = []
  for await (const chunk of answer.body) chunks.push(chunk as Buffer)
  const [head = '', body = ''] = Buffer.concat(chunks).toString('utf8').split('\0\0\0\0\0\0\0\0')
  return { head: JSON.parse(head) as never, body, failed: answer.failed() }
}

describe('answers', () => {
  it('streams with a prelude, the first chunk before the last', async () => {
    const gate = Promise.withResolvers<void>()
    const { api } = await rig(() => {
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode('first'))
          await gate.promise
          controller.enqueue(new TextEncoder().encode('last'))
          controller.close()
        },
      })
      return new Response(body, {
        status: 201,
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      })
    })
    const answer = await send(api, http('/')).response
    if (answer.kind !== 'stream') throw new Error(answer.kind)
    expect(answer.contentType).toBe('application/vnd.awslambda.http-integration-response')
    let text = ''
    for await (const chunk of answer.body) {
      text += (chunk as Buffer).toString()
      if (text.endsWith('first')) gate.resolve()
    }
    expect(text).toBe('{"statusCode":201,"headers":{},"cookies":["a=1","b=2"]}\0\0\0\0\0\0\0\0firstlast')
    expect(answer.failed()).toBeUndefined()
  })

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
    ['GET', 302],
  ])('ends at once for %s %d', async (method, status) => {
    const { api } = await rig(() => new Response(null, { status, headers: { location: '/x' } }))
    const started = Date.now()
    expect(await read(await send(api, http('/', method)).response)).toMatchObject({ head: { statusCode: status }, body: '' })
    expect(Date.now() - started).toBeLessThan(1000)
  })

  it('tells in trailers that a body broke off, and goes on', async () => {
    const { api, lines } = await rig((request) => {
      if (request.url.endsWith('/ok')) return new Response('ok')
      let sent = false
      return new Response(
        new ReadableStream({
          pull(controller) {
            if (sent) throw new RangeError('half-way')
            sent = true
            controller.enqueue(new TextEncoder().encode('half'))
          },
        }),
      )
    })
    const first = send(api, http('/'))
    expect(await read(await first.response)).toMatchObject({ body: 'half', failed: 'RangeError' })
    await first.done
    expect(lines.join('\n')).toContain('half-way')
    expect(await read(await send(api, http('/ok')).response)).toMatchObject({ body: 'ok' })
  })

  it('buffers for API Gateway', async () => {
    const { api } = await rig((request) => Response.json({ url: request.url }))
    const { body } = await read(await send(api, http('/a b', 'GET', 'x.execute-api.us-east-1.amazonaws.com')).response)
    expect(JSON.parse(body)).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'application/json' },
      cookies: [],
      body: '{"url":"https://x.execute-api.us-east-1.amazonaws.com/a%20b"}',
      isBase64Encoded: false,
    })
  })

  it('answers 502 with a log line where a buffered answer is over 6 MB, base64 counted', async () => {
    const { api, lines } = await rig(() => new Response(new Uint8Array(5 * 1024 * 1024)), { events: { invokeMode: 'BUFFERED' } })
    const { body } = await read(await send(api, http('/big')).response)
    expect(JSON.parse(body)).toMatchObject({ statusCode: 502 })
    expect(lines.join('\n')).toContain('GET /big: the answer is over')
  })

  it('answers 500 without the details where the app throws, 500 where a buffered body fails', async () => {
    const { api, lines } = await rig(
      (request) => {
        if (request.url.endsWith('/throw')) throw new Error('secret detail')
        return new Response(new ReadableStream({ pull: () => Promise.reject(new Error('secret detail')) }))
      },
      { events: { invokeMode: 'BUFFERED' } },
    )
    for (const path of ['/throw', '/body']) {
      const call = send(api, http(path))
      const { body } = await read(await call.response)
      expect(JSON.parse(body)).toMatchObject({ statusCode: 500, body: 'Internal Server Error' })
      expect(body).not.toContain('secret')
      await call.done
    }
    expect(lines.filter((line) => line.includes('secret detail'))).toHaveLength(2)
  })

  it('answers 500 where the body was read already', async () => {
    const { api, lines } = await rig(async () => {
      const response = new Response('read')
      await response.text()
      return response
    })
    expect(await read(await send(api, http('/')).response)).toMatchObject({ head: { statusCode: 500 } })
    expect(lines.join('\n')).toContain('read already')
  })

  it('answers 405 for methods that make no Request', async () => {
    const { api } = await rig(() => new Response('x'))
    expect(await read(await send(api, http('/', 'TRACE')).response)).toMatchObject({ head: { statusCode: 405 } })
  })
})

describe('events', () => {
  it.each([
    ['{"hello":1}', 'Unmoor.Unsupported'],
    ['{not json', 'Unmoor.InvalidArgument'],
    ['null', 'Unmoor.Unsupported'],
    [
      '{"Records":[{"eventSource":"aws:sqs","messageId":"1","eventSourceARN":"arn:aws:sqs:r:a:nope","receiptHandle":"r","body":"","attributes":{},"messageAttributes":{}}]}',
      'Unmoor.NotFound',
    ],
    ['{"unmoor":{"cron":"nope"}}', 'Unmoor.NotFound'],
    ['{"unmoor":{"cron":"tick"},"time":"1970-01-01T00:00:00.002Z"}', 'RangeError'],
  ])('%s fails by name, and the loop goes on', async (payload, errorType) => {
    const { api, lines } = await rig(() => new Response('ok'))
    const call = send(api, payload)
    expect(await call.response).toMatchObject({ kind: 'error', errorType })
    await call.done
    expect(lines.length).toBeGreaterThan(0)
    expect(await read(await send(api, http('/')).response)).toMatchObject({ body: 'ok' })
  })

  it('runs a cron; a throw after noRetry() is no failure', async () => {
    const { api } = await rig(() => new Response('ok'))
    for (const time of ['1970-01-01T00:00:00.003Z', '1970-01-01T00:00:00.001Z']) {
      const call = send(api, JSON.stringify({ unmoor: { cron: 'tick' }, time }))
      expect(await call.response).toEqual({ kind: 'buffered', payload: 'null' })
      await call.done
    }
  })
})

describe('time', () => {
  it('aborts request.signal and ctx.signal before the deadline, in time for an answer', async () => {
    const { api } = await rig(async (request, _env, ctx) => {
      await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()))
      return new Response(`${request.signal.aborted} ${ctx.signal.aborted}`)
    })
    const deadline = Date.now() + 1000
    expect(await read(await send(api, http('/'), { deadline }).response)).toMatchObject({ body: 'true true' })
    expect(Date.now()).toBeLessThan(deadline)
  })

  it('finishes waitUntil work after the answer and before the next event', async () => {
    const order: string[] = []
    const gate = Promise.withResolvers<void>()
    const { api } = await rig((_request, _env, ctx) => {
      ctx.waitUntil(gate.promise.then(() => void order.push('work')))
      return new Response('ok')
    })
    const call = send(api, http('/'))
    await read(await call.response)
    order.push('answer')
    setTimeout(() => gate.resolve(), 100)
    await call.done
    order.push('next')
    expect(order).toEqual(['answer', 'work', 'next'])
  })

  it('gives up waitUntil work at the deadline, with a log line', async () => {
    let signal: AbortSignal | undefined
    const { api, lines } = await rig((_request, _env, ctx) => {
      signal = ctx.signal
      ctx.waitUntil(new Promise(() => undefined))
      return new Response('ok')
    })
    const call = send(api, http('/'), { deadline: Date.now() + 800 })
    await read(await call.response)
    await call.done
    expect(signal?.aborted).toBe(true)
    expect(lines.join('\n')).toContain('waitUntil work was still running')
  })

  it('sets the trace id where AWS has it', async () => {
    const { api } = await rig(() => new Response(process.env['_X_AMZN_TRACE_ID']))
    expect(await read(await send(api, http('/'), { traceId: 'Root=1-2-3' }).response)).toMatchObject({ body: 'Root=1-2-3' })
  })
})

describe('a Runtime API that fails', () => {
  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['closes the connection', (request) => void request.socket.destroy()],
    ['answers 500', (_request, response) => void response.writeHead(500).end('{"errorType":"ContainerError"}')],
    ['answers 403', (_request, response) => void response.writeHead(403).end()],
    ['gives no request id', (_request, response) => void response.writeHead(200).end('{}')],
  ])('%s to /next: asked again', async (_, fault) => {
    let faults = 2
    const { api, lines, calls } = await rig(() => new Response('ok'), {
      intercept(request, response) {
        if (!request.url?.endsWith('/next') || faults-- <= 0) return false
        fault(request, response)
        return true
      },
    })
    expect(await read(await send(api, http('/')).response)).toMatchObject({ body: 'ok' })
    expect(calls.slice(0, 3)).toEqual(Array(3).fill('GET invocation/next'))
    expect(lines.filter((line) => line.includes('gave no event'))).toHaveLength(2)
  })

  it('answers late: the answer counts', async () => {
    const { api } = await rig(() => new Response('ok'), {
      async intercept() {
        await new Promise((resolve) => setTimeout(resolve, 150))
        return false
      },
    })
    for (let index = 0; index < 2; index++) {
      const call = send(api, http('/'))
      expect(await read(await call.response)).toMatchObject({ body: 'ok' })
      await call.done
    }
  })

  it('cuts an event off: its invoker is told', async () => {
    let cut = true
    const { api } = await rig(() => new Response('ok'), {
      intercept(request, response) {
        if (!request.url?.endsWith('/next') || !cut) return false
        cut = false
        response.writeHead(200, { 'lambda-runtime-aws-request-id': 'one', 'content-length': 1000 })
        response.write('{"rawPath')
        setTimeout(() => response.destroy(), 50)
        return true
      },
    })
    expect(await send(api, http('/'), { requestId: 'one' }).response).toMatchObject({ kind: 'error', errorMessage: expect.stringContaining('cut') })
  })

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['closes the connection', (request) => void request.socket.destroy()],
    ['answers 500', (_request, response) => void response.writeHead(500).end()],
  ])('%s to a buffered answer: sent again, taken once', async (_, fault) => {
    let faults = 2
    const { api, calls } = await rig(() => new Response('ok'), {
      events: { invokeMode: 'BUFFERED' },
      intercept(request, response) {
        if (!request.url?.endsWith('/response') || faults-- <= 0) return false
        fault(request, response)
        return true
      },
    })
    const call = send(api, http('/'), { requestId: 'one' })
    expect(JSON.parse((await read(await call.response)).body)).toMatchObject({ statusCode: 200, body: 'ok' })
    await call.done
    expect(calls.filter((line) => line.endsWith('one/response'))).toHaveLength(3)
  })

  it('takes an answer but loses its own: the second try is refused, the loop goes on', async () => {
    let lose = true
    const { api, lines } = await rig(() => new Response('ok'), {
      events: { invokeMode: 'BUFFERED' },
      intercept(request, response) {
        if (!request.url?.endsWith('/response') || !lose) return false
        lose = false
        // The API reads the answer; what it says itself never arrives.
        response.writeHead = () => {
          response.destroy()
          return response
        }
        return false
      },
    })
    const call = send(api, http('/'))
    expect(JSON.parse((await read(await call.response)).body)).toMatchObject({ body: 'ok' })
    await call.done
    expect(lines.join('\n')).toContain('refused')
    expect(JSON.parse((await read(await send(api, http('/')).response)).body)).toMatchObject({ body: 'ok' })
  })

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['closes the connection', (request) => void request.socket.destroy()],
    ['answers 500', (_request, response) => void response.writeHead(500).end()],
  ])('%s to a streamed answer: the body is cancelled, the invoker told, the loop goes on', async (_, fault) => {
    let faults = 1
    let cancelled = 0
    const endless = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(65_536))
        return new Promise((resolve) => setTimeout(resolve, 5))
      },
      cancel: () => void cancelled++,
    })
    const { api, lines } = await rig((request) => new Response(request.url.endsWith('/endless') ? endless : 'ok'), {
      intercept(request, response) {
        if (!request.url?.endsWith('/response') || faults-- <= 0) return false
        setTimeout(() => fault(request, response), 50)
        return true
      },
    })
    const call = send(api, http('/endless'))
    expect(await call.response).toMatchObject({ kind: 'error', errorType: 'Unmoor.Unavailable' })
    await call.done
    expect(cancelled).toBe(1)
    expect(lines.join('\n')).toContain('could not be answered')
    expect(await read(await send(api, http('/')).response)).toMatchObject({ body: 'ok' })
  })

  it('stays away: the loop ends with an error that says so, and does not hang', async () => {
    const { api, loop, lines } = await rig(() => new Response('ok'))
    await api.close()
    await expect(loop.ended).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringContaining('gave no event') })
    expect(lines).toHaveLength(7)
  }, 20_000)
})

describe('stop', () => {
  it('ends the wait for an event at once', async () => {
    const { api, loop } = await rig(() => new Response('ok'))
    await api.started
    const started = Date.now()
    await loop.stop()
    expect(Date.now() - started).toBeLessThan(500)
  })

  it('answers the event at work first', async () => {
    const { api, loop, calls } = await rig(async () => {
      await new Promise((resolve) => setTimeout(resolve, 200))
      return new Response('late')
    })
    const call = send(api, http('/'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const stopped = loop.stop()
    expect(await read(await call.response)).toMatchObject({ body: 'late' })
    await stopped
    expect(calls.filter((line) => line === 'GET invocation/next')).toHaveLength(1)
  })
})
