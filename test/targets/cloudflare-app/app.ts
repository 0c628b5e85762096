import {
  assets,
  type BlobStore,
  blob,
  type Cache,
  cache,
  type Context,
  defineApp,
  defineBindings,
  kv,
  queue,
  secret,
  service,
  sql,
  variable,
} from 'unmoor'
import { AsyncLocalStorage } from 'node:async_hooks'

const bindings = defineBindings({
  links: kv(),
  icons: blob(),
  stats: sql({ migrations: './migrations' }),
  clicks: queue<{ mode: string; n: number }>({ maxRetries: 1, deadLetterQueue: 'deadClicks' }),
  deadClicks: queue<unknown>(),
  pages: cache(),
  adminToken: secret(),
  spareToken: secret({ optional: true }),
  region: variable({ default: 'eu' }),
  self: service({ app: 'cf-app' }),
  files: assets({ directory: './public', notFound: 'single-page-application' }),
})

const requestId = new AsyncLocalStorage<string>()
const log: string[] = []
const aborts = { begun: 0, aborted: 0 }
/** Streams that wait go on while this is set. Requests share no promise, so that they look. */
const gate = { isOpen: false }
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

export default defineApp({
  bindings,
  async fetch(request, env, ctx) {
    const url = new URL(request.url)
    switch (url.pathname) {
      case '/hello':
        return new Response('hello')
      case '/url':
        return new Response(request.url)
      case '/throw':
        throw new Error('secret detail')
      case '/no-response':
        return 'text' as never
      case '/log':
        return Response.json(log)
      case '/als':
        return requestId.run(url.search, async () => {
          await new Promise((resolve) => setTimeout(resolve, 5))
          return new Response(requestId.getStore())
        })
      case '/wait':
        ctx.waitUntil(new Promise<void>((resolve) => setTimeout(() => resolve(void log.push('waited')), 100)))
        ctx.waitUntil(Promise.reject(new Error('logged only')))
        return new Response(String(ctx.signal.aborted))
      case '/stream':
        return streamInTwo(ctx)
      case '/abort':
        request.signal.addEventListener('abort', () => void aborts.aborted++)
        aborts.begun++
        while (!request.signal.aborted) await tick()
        return new Response('late')
      case '/aborts':
        return Response.json(aborts)
      case '/open-gate':
        gate.isOpen = true
        return new Response('open')
      case '/upload':
        return upload(env.icons, url.searchParams)
      case '/self':
        return env.self.fetch('/hello')
      case '/labelled': {
        const body = new Blob(['packed by the app']).stream().pipeThrough(new CompressionStream('gzip'))
        const headers = { 'content-encoding': 'gzip' }
        return new Response(await new Response(body).arrayBuffer(), { headers })
      }
      case '/native': {
        const native = env.self.native as unknown as { fetch: typeof fetch }
        return native.fetch(new URL('/labelled', url))
      }
      case '/raw': {
        const raw = await fetch(new URL('/labelled', url), { encodeResponseBody: 'manual' } as RequestInit)
        return new Response(await raw.arrayBuffer(), raw)
      }
      case '/asset':
        return env.files.fetch(url.searchParams.get('path') ?? '/')
      case '/send':
        await env.clicks.send({
          mode: url.searchParams.get('mode') ?? '',
          n: Number(url.searchParams.get('n')),
        })
        return new Response('sent')
      case '/cached':
        return cached(env.pages)
      default:
        return new Response(
          `no route ${url.pathname} ${env.region} ${await env.adminToken.get()} ${await env.spareToken.get()}`,
          { status: 404 },
        )
    }
  },
  queues: {
    async clicks(batch) {
      for (const message of batch.messages) {
        log.push(`${message.body.mode}${message.body.n}:${message.attempts}:${message.id.length}`)
        if (message.body.mode === 'ack-throw' && message.body.n === 0) message.ack()
        if (message.body.mode === 'poison') message.retry()
      }
      if (
        batch.messages.some(({ body, attempts }) => body.mode === 'ack-throw' && body.n > 0 && attempts === 1)
      )
        throw new Error('after an ack')
    },
    async deadClicks(batch) {
      for (const message of batch.messages)
        log.push(`dead ${JSON.stringify(message.body)}:${message.attempts}:${message.id.length}`)
    },
  },
  crons: {
    one: {
      schedule: '0 3 * * *',
      run: async (event) => void log.push(`${event.name} ${event.scheduledTime}`),
    },
    two: {
      schedule: '0 3 * * *',
      run: async (event) => void log.push(`${event.name} ${event.scheduledTime}`),
    },
    failing: {
      schedule: '0 4 * * MON',
      run: async (event) => {
        event.noRetry()
        throw new Error('cron broke')
      },
    },
  },
})

/** A body whose last part waits until the gate is opened. */
function streamInTwo(ctx: Context): Response {
  const { readable, writable } = new TransformStream<Uint8Array>()
  const writer = writable.getWriter()
  ctx.waitUntil(
    (async () => {
      await writer.write(new TextEncoder().encode('first'))
      while (!gate.isOpen) await tick()
      await writer.write(new TextEncoder().encode('last'))
      await writer.close()
    })(),
  )
  return new Response(readable)
}

/** Stores a stream of `size` bytes; its source breaks half-way where `fail` is set. */
async function upload(icons: BlobStore, params: URLSearchParams): Promise<Response> {
  const size = Number(params.get('size'))
  const conditional = params.has('create')
  const chunk = new Uint8Array(1024 * 1024).fill(7)
  let left = size
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left === 0) return controller.close()
      if (params.has('fail') && left < size / 2) return controller.error(new Error('source broke'))
      const part = chunk.slice(0, Math.min(left, chunk.length))
      left -= part.length
      controller.enqueue(part)
    },
  })
  try {
    return Response.json(
      await icons.put('big', body, {
        contentType: 'x/y',
        customMetadata: { a: 'b' },
        ...(conditional ? { ifNoneMatch: '*' } : {}),
      }),
    )
  } catch (error) {
    return Response.json(error, { status: 400 })
  }
}

async function cached(pages: Cache): Promise<Response> {
  const found = await pages.match('http://cache/page')
  if (found !== undefined)
    return new Response(
      `hit ${await found.text()} ${found.headers.get('x-kept')} ${found.headers.has('cf-cache-status')}`,
    )
  await pages.put(
    'http://cache/page',
    new Response('body', { headers: { 'cache-control': 'max-age=60', 'x-kept': 'yes' } }),
  )
  return new Response('miss')
}
