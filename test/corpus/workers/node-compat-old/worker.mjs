import { Buffer } from 'node:buffer'
import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { createHash } from 'node:crypto'
import * as util from 'node:util'

const requestId = new AsyncLocalStorage()

export default {
  fetch(request, env, ctx) {
    return requestId.run(request.headers.get('x-id') ?? 'none', () => handle(request, ctx))
  },
}

async function handle(request, ctx) {
  const url = new URL(request.url)
  await scheduler.wait(1)
  if (url.pathname === '/id') return new Response(requestId.getStore())
  if (url.pathname === '/agent') return new Response(navigator.userAgent)
  if (url.pathname === '/base64') return new Response(Buffer.from(await request.text()).toString('base64'))
  if (url.pathname === '/sha') return new Response(createHash('sha1').update('a').digest('hex'))
  if (url.pathname === '/events') {
    const seen = []
    const emitter = new EventEmitter()
    emitter.on('x', (value) => seen.push(value))
    emitter.emit('x', 1)
    ctx.waitUntil(Promise.resolve(emitter.emit('x', 2)))
    return Response.json(seen)
  }
  if (url.pathname === '/format') return new Response(util.format('%o', [1]))
  return new Response('no', { status: 404 })
}
