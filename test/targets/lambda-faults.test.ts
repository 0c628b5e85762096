/**
 * Our loop against a Runtime API that fails: what is asked or sent again, what is told, and that nothing
 * hangs.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { http, read, rig, send } from './lambda-rig.ts'

describe('a Runtime API that fails', () => {
  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['closes the connection', (request) => void request.socket.destroy()],
    [
      'answers 500',
      (_request, response) => void response.writeHead(500).end('{"errorType":"ContainerError"}'),
    ],
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

  it('sends an event byte by byte, in chunks: it is whole', async () => {
    let once = true
    const { api } = await rig((request) => new Response(new URL(request.url).pathname), {
      async intercept(request, response) {
        if (!request.url?.endsWith('/next') || !once) return false
        once = false
        response.writeHead(200, { 'lambda-runtime-aws-request-id': 'one' })
        for (const byte of Buffer.from(http('/ä'))) {
          response.write(Buffer.of(byte))
          await new Promise((resolve) => setImmediate(resolve))
        }
        response.end()
        return true
      },
    })
    expect(await read(await send(api, http('/'), { requestId: 'one' }).response)).toMatchObject({
      body: '/%C3%A4',
    })
  })

  it('speaks no HTTP: told, and asked again', async () => {
    let once = true
    const { api, lines } = await rig(() => new Response('ok'), {
      intercept(request) {
        if (!request.url?.endsWith('/next') || !once) return false
        once = false
        request.socket.end('SSH-2.0-OpenSSH\r\n\r\n')
        return true
      },
    })
    expect(await read(await send(api, http('/')).response)).toMatchObject({ body: 'ok' })
    expect(lines.join()).toContain('no HTTP')
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
    expect(await send(api, http('/'), { requestId: 'one' }).response).toMatchObject({
      kind: 'error',
      errorMessage: expect.stringContaining('cut'),
    })
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
    await expect.poll(() => lines.join('\n')).toContain('refused')
    expect(JSON.parse((await read(await send(api, http('/')).response)).body)).toMatchObject({ body: 'ok' })
  })

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['closes the connection', (request) => void request.socket.destroy()],
    ['answers 500', (_request, response) => void response.writeHead(500).end()],
  ])(
    '%s to a streamed answer: the body is cancelled, the invoker told, the loop goes on',
    async (_, fault) => {
      let faults = 1
      let cancelled = 0
      const endless = new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(65_536))
          return new Promise((resolve) => setTimeout(resolve, 5))
        },
        cancel: () => void cancelled++,
      })
      const { api, lines } = await rig(
        (request) => new Response(request.url.endsWith('/endless') ? endless : 'ok'),
        {
          intercept(request, response) {
            if (!request.url?.endsWith('/response') || faults-- <= 0) return false
            setTimeout(() => fault(request, response), 50)
            return true
          },
        },
      )
      const call = send(api, http('/endless'))
      expect(await call.response).toMatchObject({ kind: 'error', errorType: 'Unmoor.Unavailable' })
      await call.done
      expect(cancelled).toBe(1)
      await expect.poll(() => lines.join('\n')).toContain('could not be answered')
      expect(await read(await send(api, http('/')).response)).toMatchObject({ body: 'ok' })
    },
  )

  it('stays away: the loop ends with an error that says so, and does not hang', async () => {
    const { api, loop, lines } = await rig(() => new Response('ok'))
    await api.close()
    await expect(loop.ended).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('gave no event'),
    })
    expect(lines).toHaveLength(7)
  })
})
