/**
 * One adapter's handler, called with events of one kind in this process:
 * `node lambda-translate.ts CONTENDER KIND`. On each message `{ ms }` it handles events for as long, GET and
 * POST in turn, and answers `{ count, cpu }`, microseconds of CPU time; on `{ check: true }` it gives the
 * answers.
 */
import { handle } from 'hono/aws-lambda'
import { Hono } from 'hono'
import { toLambdaHandler } from 'srvx/aws-lambda'
import { createHandler } from '../../../adapters/lambda/runtime/handler.ts'
import { defineApp } from '../../../core/app.ts'
import { createRuntime } from '../../../core/runtime/runtime.ts'
import { albEvent, v1Event, v2Event } from '../lambda/events.ts'

/** Looks at what handlers look at, and gives back what the client sent. */
async function fetchHandler(request: Request): Promise<Response> {
  const name =
    request.method === 'POST'
      ? ((await request.json()) as { name: string }).name
      : new URL(request.url).searchParams.get('tag')
  return Response.json(
    { name, language: request.headers.get('accept-language') },
    { headers: { 'cache-control': 'no-store', etag: '"4711"' } },
  )
}

type Handler = (event: never, context: never) => Promise<unknown>

const CONTENDERS: Readonly<Record<string, () => Handler | Promise<Handler>>> = {
  async ours() {
    const runtime = await createRuntime({
      app: defineApp({ fetch: fetchHandler }),
      name: 'bench',
      drivers: {},
      variable: () => undefined,
    })
    return createHandler({ runtime, invokeMode: 'BUFFERED', variable: () => undefined, log: console.error })
  },
  // The app alone, without Hono's router.
  'hono/aws-lambda': () => handle(Object.assign(new Hono(), { fetch: fetchHandler })),
  'srvx/aws-lambda': () => toLambdaHandler({ fetch: fetchHandler }) as Handler,
}
const KINDS = { v2: v2Event, v1: v1Event, alb: albEvent }

const [contender, kind] = process.argv.slice(2) as [string, keyof typeof KINDS]
const handler = (await CONTENDERS[contender]?.()) as Handler
const events = [KINDS[kind]('GET'), KINDS[kind]('POST')]
const context = { getRemainingTimeInMillis: () => 30_000, awsRequestId: 'bench' }
const call = (index: number): Promise<unknown> => handler(events[index % 2] as never, context as never)

process.on('message', (message: { ms?: number; check?: true }) => void reply(message))
async function reply(message: { ms?: number; check?: true }): Promise<void> {
  if (message.check) {
    process.send?.({ answers: [visible(await call(0)), visible(await call(1))] })
    return
  }
  const started = performance.now()
  const before = process.cpuUsage()
  let count = 0
  while (performance.now() - started < (message.ms ?? 0))
    for (let index = 0; index < 100; index++, count++) await call(index)
  const { user, system } = process.cpuUsage(before)
  process.send?.({ count, cpu: user + system })
}
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })

/** What a client would see. */
function visible(result: unknown): string {
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = result as {
    statusCode: number
    headers?: Record<string, string>
    multiValueHeaders?: Record<string, string[]>
    body: string
    isBase64Encoded?: boolean
  }
  const all = { ...headers, ...multiValueHeaders }
  const text = isBase64Encoded ? Buffer.from(body, 'base64').toString() : body
  return JSON.stringify([
    statusCode,
    ['content-type', 'cache-control', 'etag'].map((name) => all[name]?.toString()),
    text,
  ])
}
