/** Our loop against Lambda's Runtime API. */
import { describe, expect, it } from 'vitest'
import { http, read, rig, send } from './lambda-rig.ts'

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
  ])('ends without a body for %s %d', async (method, status) => {
    const { api } = await rig(() => new Response(null, { status, headers: { location: '/x' } }))
    expect(await read(await send(api, http('/', method)).response)).toMatchObject({
      head: { statusCode: status },
      body: '',
    })
  })

  it('tells in trailers that a body broke off, and goes on', async () => {
    const { api, lines } = await rig((request) => {
      if (request.url.endsWith('/ok')) return new Response('ok')
      let sent = false
      return new Response(
        new ReadableStream({
          async pull(controller) {
            if (sent) {
              // A later turn: a stream that fails in its first turn is a 500.
              await new Promise((resolve) => setImmediate(resolve))
              throw new RangeError('half-way')
            }
            sent = true
            controller.enqueue(new TextEncoder().encode('half'))
          },
        }),
      )
    })
    const first = send(api, http('/'))
    expect(await read(await first.response)).toMatchObject({ body: 'half', failed: 'RangeError' })
    await first.done
    await expect.poll(() => lines.join('\n')).toContain('half-way')
    expect(await read(await send(api, http('/ok')).response)).toMatchObject({ body: 'ok' })
  })

  it('buffers for API Gateway', async () => {
    const { api } = await rig((request) => Response.json({ url: request.url }))
    const { body } = await read(
      await send(api, http('/a b', 'GET', 'x.execute-api.us-east-1.amazonaws.com')).response,
    )
    expect(JSON.parse(body)).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'application/json' },
      cookies: [],
      body: '{"url":"https://x.execute-api.us-east-1.amazonaws.com/a%20b"}',
      isBase64Encoded: false,
    })
  })

  it('answers 502 with a log line where a buffered answer is over 6 MB, base64 counted', async () => {
    const { api, lines } = await rig(() => new Response(new Uint8Array(5 * 1024 * 1024)), {
      events: { invokeMode: 'BUFFERED' },
    })
    const { body } = await read(await send(api, http('/big')).response)
    expect(JSON.parse(body)).toMatchObject({ statusCode: 502 })
    await expect.poll(() => lines.join('\n')).toContain('GET /big: the answer is over')
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
    await expect.poll(() => lines.join('\n')).toContain('read already')
  })

  it('answers 405 for methods that make no Request', async () => {
    const { api } = await rig(() => new Response('x'))
    expect(await read(await send(api, http('/', 'TRACE')).response)).toMatchObject({
      head: { statusCode: 405 },
    })
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
    const deadline = Date.now() + 2000
    // Timers of one process run in the order of their times, however late that is.
    const order: string[] = []
    const timer = setTimeout(() => order.push('deadline'), deadline - Date.now())
    const { api } = await rig(async (request, _env, ctx) => {
      await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()))
      order.push('abort')
      return new Response(`${request.signal.aborted} ${ctx.signal.aborted}`)
    })
    expect(await read(await send(api, http('/'), { deadline }).response)).toMatchObject({ body: 'true true' })
    expect(order[0]).toBe('abort')
    clearTimeout(timer)
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
    await expect.poll(() => lines.join('\n')).toContain('waitUntil work was still running')
  })

  it('sets the trace id where AWS has it', async () => {
    const { api } = await rig(() => new Response(process.env['_X_AMZN_TRACE_ID']))
    expect(await read(await send(api, http('/'), { traceId: 'Root=1-2-3' }).response)).toMatchObject({
      body: 'Root=1-2-3',
    })
  })
})

describe('stop', () => {
  it('ends the wait for an event at once', async () => {
    const { api, loop } = await rig(() => new Response('ok'))
    await api.started
    // No event comes: a stop that waited for one would never end.
    await loop.stop()
  })

  it('answers the event at work first', async () => {
    const begun = Promise.withResolvers<void>()
    const { api, loop, calls } = await rig(async () => {
      begun.resolve()
      await new Promise((resolve) => setTimeout(resolve, 200))
      return new Response('late')
    })
    const call = send(api, http('/'))
    await begun.promise
    const stopped = loop.stop()
    expect(await read(await call.response)).toMatchObject({ body: 'late' })
    await stopped
    expect(calls.filter((line) => line === 'GET invocation/next')).toHaveLength(1)
  })
})

describe('several events at once', () => {
  it('takes as many as it was told, answers each its own, and none more', async () => {
    const gates = new Map<string, () => void>()
    const { api, loop } = await rig(
      async (request) => {
        const { pathname } = new URL(request.url)
        await new Promise<void>((resolve) => gates.set(pathname, resolve))
        return new Response(pathname)
      },
      { settings: { concurrency: 3 } },
    )
    const calls = ['/a', '/b', '/c', '/d'].map((path) => send(api, http(path), { requestId: path.slice(1) }))
    await expect.poll(() => gates.size).toBe(3)
    expect([...loop.unanswered]).toEqual(['a', 'b', 'c'])
    gates.get('/b')?.()
    expect(await read(await (calls[1] as (typeof calls)[0]).response)).toMatchObject({ body: '/b' })
    await expect.poll(() => gates.has('/d')).toBe(true)
    for (const open of gates.values()) open()
    for (const [index, path] of [
      [0, '/a'],
      [2, '/c'],
      [3, '/d'],
    ] as const)
      expect(await read(await (calls[index] as (typeof calls)[0]).response)).toMatchObject({ body: path })
  })

  it('goes on with others while waitUntil work is at it', async () => {
    const gate = Promise.withResolvers<void>()
    const { api } = await rig(
      (request, _env, ctx) => {
        if (request.url.endsWith('/slow')) ctx.waitUntil(gate.promise)
        return new Response('ok')
      },
      { settings: { concurrency: 2 } },
    )
    await read(await send(api, http('/slow')).response)
    for (let index = 0; index < 3; index++)
      expect(await read(await send(api, http('/')).response)).toMatchObject({ body: 'ok' })
    gate.resolve()
  })

  it('names each event in lines of its own, and leaves the process-wide trace id alone', async () => {
    const { AsyncLocalStorage } = await import('node:async_hooks')
    const storage = new AsyncLocalStorage<{ requestId: string; traceId: string | undefined }>()
    const seen: unknown[] = []
    delete process.env['_X_AMZN_TRACE_ID']
    const { api } = await rig(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        seen.push({ ...storage.getStore(), process: process.env['_X_AMZN_TRACE_ID'] })
        return new Response('ok')
      },
      { settings: { concurrency: 2, logs: { run: (current, work) => storage.run(current, work) } } },
    )
    const calls = ['1', '2'].map((requestId) =>
      send(api, http('/'), { requestId, traceId: `Root=${requestId}` }),
    )
    for (const call of calls) await read(await call.response)
    expect(seen).toEqual(
      expect.arrayContaining(
        ['1', '2'].map((id) => ({ requestId: id, traceId: `Root=${id}`, process: undefined })),
      ),
    )
  })

  it('answers all at work before it stops', async () => {
    const { api, loop } = await rig(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 100))
        return new Response('late')
      },
      { settings: { concurrency: 4 } },
    )
    const calls = [1, 2].map(() => send(api, http('/')))
    await expect.poll(() => loop.unanswered.size).toBe(2)
    const stopped = loop.stop()
    for (const call of calls) expect(await read(await call.response)).toMatchObject({ body: 'late' })
    await stopped
  })
})
