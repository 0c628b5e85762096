/** An app that shows from outside what the Lambda target does with it. */
import { defineApp, defineBindings, kv, queue, secret, service } from 'unmoor'

interface Job {
  name: string
  /** Deliveries to fail. */
  failures: number
}

const bindings = defineBindings({
  log: kv(),
  jobs: queue<Job>({ maxRetries: 1, deadLetterQueue: 'dead' }),
  dead: queue<Job>(),
  short: queue<Job>({ maxRetries: 0 }),
  apiKey: secret(),
  self: service({ app: 'lambda-app' }),
})

if (process.env['BREAK_IMPORT'] === 'yes') throw new RangeError('the app broke at import')

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Sends the second chunk when `gate` resolves. */
function twoChunks(gate: () => Promise<void>): ReadableStream {
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode('first'))
      await gate()
      controller.enqueue(new TextEncoder().encode('last'))
      controller.close()
    },
  })
}

/** Fails after its first chunk. */
function breaking(): ReadableStream {
  return new ReadableStream({
    async pull(controller) {
      controller.enqueue(new TextEncoder().encode('half'))
      await wait(50)
      controller.error(new Error('broken'))
    },
  })
}

/** Answers although a timer of the event has thrown. */
async function throwInTimer(): Promise<Response> {
  setTimeout(() => {
    throw new Error('thrown in a timer')
  }, 0)
  await wait(20)
  return new Response(String(process.pid))
}

/** Answers once a timer of no event has thrown. */
async function throwOutside(): Promise<Response> {
  boom = true
  await wait(100)
  return new Response(String(process.pid))
}

/** A timer of no event, which throws once it is told to. */
let boom = false
setInterval(() => {
  if (!boom) return
  boom = false
  throw new Error('failed for no event')
}, 10)

export default defineApp({
  bindings,
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/pid':
        await wait(Number(searchParams.get('wait') ?? 0))
        return new Response(String(process.pid))
      case '/begin':
        // Seen in its output: a request that has begun.
        console.log('begun')
        await wait(300)
        return new Response(String(process.pid))
      case '/hold':
        while ((await env.log.get('gate')) === null) await wait(20)
        return new Response(String(process.pid))
      case '/meet': {
        // Answered when all of `count` requests are here.
        const count = Number(searchParams.get('count'))
        await env.log.put(`met/${searchParams.get('id')}`, 'here')
        while ((await env.log.list({ prefix: 'met/' })).keys.length < count) await wait(20)
        return new Response(String(process.pid))
      }
      case '/open':
        await env.log.put('gate', 'open')
        return new Response(String(process.pid))
      case '/echo':
        return new Response(request.body, { headers: { 'content-type': 'application/octet-stream' } })
      case '/size':
        return new Response(String((await request.arrayBuffer()).byteLength))
      case '/big':
        return new Response(new Uint8Array(Number(searchParams.get('bytes'))))
      case '/stream':
        return new Response(
          twoChunks(async () => {
            while (searchParams.has('gate') && (await env.log.get('streamed')) === null) await wait(20)
          }),
        )
      case '/break':
        return new Response(breaking())
      case '/exit':
        return process.exit(3)
      case '/never':
        return new Promise<Response>(() => undefined)
      case '/reject':
        void Promise.reject(new Error('nobody awaits this'))
        return new Response(String(process.pid))
      case '/uncaught':
        return throwInTimer()
      case '/outside':
        return throwOutside()
      case '/later':
        ctx.waitUntil(
          (async () => {
            while ((await env.log.get('answered')) === null) await wait(20)
            await env.log.put('later', 'done')
          })(),
        )
        return new Response('ok')
      case '/self':
        return env.self.fetch(new Request(new URL('/pid', request.url)))
      case '/send':
        await env[searchParams.get('queue') as 'jobs' | 'short'].sendBatch(
          ((await request.json()) as Job[]).map((body) => ({ body })),
        )
        return new Response('sent')
      case '/note':
        await env.log.put(searchParams.get('key') ?? '', 'noted')
        return new Response('noted')
      case '/log':
        return new Response((await env.log.get(searchParams.get('key') ?? '')) ?? '')
      default:
        return Response.json({
          method: request.method,
          url: request.url,
          headers: Object.fromEntries(request.headers),
          key: await env.apiKey.get(),
        })
    }
  },
  queues: {
    async jobs(batch, env) {
      for (const message of batch.messages) {
        const { name, failures } = message.body
        await env.log.put(`jobs/${name}/${message.attempts}`, message.id)
        if (message.attempts <= failures) message.retry()
      }
    },
    async dead(batch, env) {
      for (const message of batch.messages)
        await env.log.put(`dead/${message.body.name}`, `${message.attempts} ${message.id}`)
    },
    short(batch) {
      for (const message of batch.messages) message.retry()
    },
  },
  crons: {
    nightly: {
      schedule: '0 3 * * *',
      async run(event, env) {
        if (event.scheduledTime === 0) throw new Error('not at the epoch')
        await env.log.put('nightly', String(event.scheduledTime))
      },
    },
  },
})
