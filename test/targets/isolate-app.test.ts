import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createChannelClient } from '../../core/runtime/test-channel.ts'
import { type Lab, startLab } from './isolate-lab.ts'

/** (i32, i32) -> i32, adds. */
const WASM = 'AGFzbQEAAAABBwFgAn9/AX8DAgEABwcBA2FkZAAACgkBBwAgACABags='

const APP = `
import { AsyncLocalStorage } from 'node:async_hooks'
import { Buffer } from 'node:buffer'
import { EventEmitter, once } from 'node:events'
import { Hono } from 'hono'
import { defineApp, defineBindings, kv, queue, UnmoorError } from 'unmoor'

const bindings = defineBindings({ kv: kv(), jobs: queue({ maxRetries: 2 }), dead: queue() })
const store = new AsyncLocalStorage()
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const app = new Hono()
app.use(async (c, next) => store.run(c.req.query('id'), next))
app.get('/', (c) => c.text('hello'))
app.get('/users/:name{.+}', (c) => c.json({ name: c.req.param('name'), url: c.req.url }))
app.get('/als', async (c) => {
  const seen = []
  for (let i = 0; i < 4; i++) {
    await sleep(Math.random() * 15)
    seen.push(store.getStore())
    await undefined
    seen.push(store.getStore())
    await Promise.all([c.env.kv.get('k'), crypto.subtle.digest('SHA-1', new Uint8Array(1)), new Response('x').text()])
    seen.push(store.getStore())
    for await (const _ of (async function* () { yield 1; await sleep(1); yield 2 })()) seen.push(store.getStore())
    await new Promise((resolve) => queueMicrotask(() => { seen.push(store.getStore()); resolve() }))
  }
  const emitter = new EventEmitter()
  setTimeout(() => emitter.emit('done', store.getStore()), 1)
  seen.push(...(await once(emitter, 'done')))
  await store.exit(async () => { await sleep(1); seen.push(store.getStore() === undefined ? c.req.query('id') : 'leaked') })
  return c.json([...new Set(seen)])
})
app.get('/outside', (c) => c.json(store.getStore() ?? null))
app.post('/upper', (c) => new Response(c.req.raw.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TransformStream({ transform: (text, out) => out.enqueue(text.toUpperCase()) })).pipeThrough(new TextEncoderStream())))
app.get('/aborted', async (c) => {
  const { signal } = c.req.raw
  signal.addEventListener('abort', () => c.env.kv.put('aborted', signal.reason.name))
  console.log('waiting')
  await sleep(20_000)
  return c.text('late')
})
app.get('/endless', (c) => {
  let count = 0
  return new Response(new ReadableStream({ async pull(controller) { await sleep(5); controller.enqueue(new TextEncoder().encode('x'.repeat(1000))); count++ }, cancel: () => c.env.kv.put('cancelled', 'yes after ' + count) }))
})
app.get('/error', async (c) => {
  try {
    await c.env.kv.put('k', 'v', { ttl: 5 })
  } catch (error) {
    return c.json([error instanceof UnmoorError, error.code, error.binding, error.operation, error.retryable, error.details])
  }
})
app.get('/missing', (c) => c.env.kv.get('x'.repeat(600)).then(String, (error) => c.json([error.code, error.details])))
app.get('/buffer', (c) => c.json([Buffer.from('hé').toString('base64url'), Buffer.from('aMOp', 'base64url').toString(), Buffer.concat([Buffer.from([1]), Buffer.from('ff', 'hex')]).length]))
app.post('/jobs', async (c) => { await c.env.jobs.sendBatch([{ body: 'ok' }, { body: 'bad' }]); return c.text('sent') })
app.get('/wasm', async (c) => { const { default: module } = await import('./add.wasm'); return c.json(new WebAssembly.Instance(module).exports.add(40, 2)) })
app.get('/hang', async (c) => { c.executionCtx.signal.addEventListener('abort', () => console.log('ctx aborted: ' + c.executionCtx.signal.reason.name)); console.log('hanging'); return new Promise(() => {}) })
const gate = Promise.withResolvers()
app.get('/background', (c) => { c.executionCtx.waitUntil(gate.promise.then(() => c.env.kv.put('background', 'done'))); return c.text('now') })
app.get('/go', (c) => { gate.resolve(); return c.text('gone') })
app.get('/slow', async (c) => { console.log('slow begins'); c.executionCtx.waitUntil(sleep(400).then(() => console.log('background ends'))); await sleep(200); return c.text('slow ends') })

export default defineApp({
  bindings,
  fetch: app.fetch,
  queues: {
    async jobs(batch, env) {
      for (const message of batch.messages) {
        if (message.body === 'bad') message.retry()
        else { message.ack(); await env.kv.put('job', message.body + message.attempts) }
      }
      throw new Error('after all were settled')
    },
    async dead(batch, env) { for (const message of batch.messages) await env.kv.put('dead', message.body) },
  },
  crons: {
    tidy: { schedule: '0 3 * * *', run: async (event, env) => { await env.kv.put('cron', new Date(event.scheduledTime).toISOString()) } },
    broken: { schedule: '0 4 * * *', run: async () => { throw new Error('cron is broken') } },
  },
})
`
  .replace('jobs: queue({ maxRetries: 2 })', "jobs: queue({ maxRetries: 1, deadLetterQueue: 'dead' })")
  .replace("await import('./add.wasm')", 'added')
  .replace('import { Hono }', "import * as added from './add.wasm'\nimport { Hono }")

let lab: Lab
let url: string
const get = (path: string, init?: RequestInit): Promise<Response> => fetch(url + path, init)
const channel = (): ReturnType<typeof createChannelClient> => createChannelClient(url, 'token')
const stored = (key: string): Promise<unknown> =>
  channel().call({ op: 'call', binding: 'kv', method: 'get', args: [key] })

beforeAll(async () => {
  lab = await startLab({
    app: APP,
    testToken: 'token',
    files: { 'src/add.wasm': Buffer.from(WASM, 'base64') },
  })
  url = lab.runtime.url
})
afterAll(() => lab[Symbol.asyncDispose]())

describe('a Hono app', () => {
  it('answers with its routes, parameters and 404', async () => {
    expect(await (await get('/')).text()).toBe('hello')
    expect(await (await get('/users/a%2Fb/ü?x=1')).json()).toEqual({
      name: 'a/b/ü',
      url: `${url}/users/a%2Fb/%C3%BC?x=1`,
    })
    expect((await get('/nowhere')).status).toBe(404)
  })

  it('imports a wasm module and node built-ins', async () => {
    expect(await (await get('/wasm')).json()).toBe(42)
    expect(await (await get('/buffer')).json()).toEqual(['aMOp', 'hé', 2])
  })

  it('keeps AsyncLocalStorage per request, in 100 at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, id) => (await get(`/als?id=${id}`)).json()),
    )
    expect(answers).toEqual(Array.from({ length: 100 }, (_, id) => [String(id)]))
    expect(await (await get('/outside')).json()).toBeNull()
  })

  it('has the errors of bindings with their code and class', async () => {
    expect(await (await get('/error')).json()).toEqual([true, 'InvalidArgument', 'kv', 'put', false, {}])
    expect(await (await get('/missing')).json()).toEqual([
      'LimitExceeded',
      { limit: 'kv.key', actual: 600, max: 512 },
    ])
  })
})

describe('streams', () => {
  it('go both ways, the first chunk before the last', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    void writer.write(new TextEncoder().encode('first'))
    const response = await get('/upper', { method: 'POST', body: readable, duplex: 'half' } as RequestInit)
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('FIRST')
    await writer.write(new TextEncoder().encode('second'))
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('SECOND')
    await writer.close()
    expect((await reader.read()).done).toBe(true)
  })

  it('carry megabytes with a slow reader', async () => {
    const size = 8 * 1024 * 1024
    const response = await get('/upper', { method: 'POST', body: new Uint8Array(size).fill(97) })
    let length = 0
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      length += chunk.byteLength
      expect(chunk.every((byte) => byte === 65)).toBe(true)
    }
    expect(length).toBe(size)
  })

  it('are cancelled when the client goes away', async () => {
    const controller = new AbortController()
    const response = await get('/endless', { signal: controller.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    controller.abort()
    await expect.poll(() => stored('cancelled')).toMatch(/^yes after \d+$/)
  })

  it("a client's abort reaches request.signal", async () => {
    const { port } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write('GET /aborted HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => lab.lines).toContain('waiting')
    socket.resetAndDestroy()
    await expect.poll(() => stored('aborted')).toBe('AbortError')
  })
})

describe('events', () => {
  it('waitUntil work goes on after the answer', async () => {
    expect(await (await get('/background')).text()).toBe('now')
    expect(await stored('background')).toBeNull()
    await get('/go')
    await expect.poll(() => stored('background')).toBe('done')
  })

  it('queue batches are settled by message, also where the handler throws', async () => {
    await (await get('/jobs', { method: 'POST' })).text()
    await expect.poll(() => stored('dead')).toBe('bad')
    expect(await stored('job')).toBe('ok1')
  })

  it('crons run in the isolate, and their throw is told', async () => {
    await channel().call({ op: 'cron', name: 'tidy', scheduledTime: 86_400_000 })
    expect(await stored('cron')).toBe('1970-01-02T00:00:00.000Z')
    await expect(channel().call({ op: 'cron', name: 'broken', scheduledTime: 0 })).rejects.toThrow(
      'cron is broken',
    )
  })

  it('a stop lets requests and waitUntil work finish', async () => {
    await using other = await startLab({ app: APP, files: { 'src/add.wasm': Buffer.from(WASM, 'base64') } })
    const slow = fetch(`${other.runtime.url}/slow`).then((response) => response.text())
    await expect.poll(() => other.lines).toContain('slow begins')
    await other.runtime.stop()
    expect(await slow).toBe('slow ends')
    expect(other.lines).toContain('background ends')
    expect(await other.runtime.exited).toBe(0)
  })
})

describe('a stop that takes too long', () => {
  it('aborts ctx.signal and request.signal, then cuts', async () => {
    await using other = await startLab({
      app: APP,
      isolate: { stopTimeout: 0.5 },
      files: { 'src/add.wasm': Buffer.from(WASM, 'base64') },
    })
    const hanging = fetch(`${other.runtime.url}/hang`).catch(() => 'cut')
    await expect.poll(() => other.lines).toContain('hanging')
    await other.runtime.stop()
    expect(await hanging).toBe('cut')
    expect(other.lines).toContain('ctx aborted: TimeoutError')
    expect(await other.runtime.exited).toBe(1)
  })
})

describe('node built-ins that are not there', () => {
  it('are refused at build with file and line', async () => {
    const app = `import { readFileSync } from 'node:fs'\nimport { defineApp } from 'unmoor'\nexport default defineApp({ fetch: () => new Response(readFileSync('/etc/passwd', 'utf8')) })`
    await expect(startLab({ app })).rejects.toThrow(/src\/app\.ts:1[^]*node:fs/)
  })
})
