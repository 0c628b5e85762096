/** What handlers get and what becomes of what they do, beside HTTP. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, gunzipSync } from 'node:zlib'
import type { SQSEvent, StreamifyHandler } from 'aws-lambda'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHandler } from '../../adapters/lambda/runtime/handler.ts'
import { defineApp, type App } from '../../core/app.ts'
import { defineBindings, queue, secret, variable } from '../../core/bindings/declarations.ts'
import { createBatch } from '../../core/bindings/queue.ts'
import { createContext } from '../../core/context.ts'
import {
  fromLambda,
  type FromLambdaQueue,
  type LambdaContext,
  type LambdaHandler,
} from '../../core/compat/from-lambda/index.ts'
import { md5 } from '../../core/compat/from-lambda/md5.ts'
import { createRuntime } from '../../core/runtime/runtime.ts'
import { PATIENCE } from '../patience.ts'

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => void vi.restoreAllMocks())

const call = async (app: App, path = '/', env: object = {}): Promise<Response> =>
  (app.fetch as NonNullable<App['fetch']>)(
    new Request(`http://app.example${path}`),
    env as never,
    createContext(),
  )
const ok = { statusCode: 200, body: 'ok' }

describe('styles of handlers', () => {
  it('takes promises, callbacks, and the context of old', async () => {
    const styles: LambdaHandler[] = [
      async () => ok,
      (_event, _context, callback: (error: null, answer: object) => void) =>
        void setTimeout(() => callback(null, ok), 1),
      (_event, context: LambdaContext, _callback) => context.succeed(ok),
      (_event, context: LambdaContext, _callback) => context.done(null, ok),
    ]
    for (const style of styles) expect(await (await call(fromLambda(style))).text()).toBe('ok')
  })

  it('answers as AWS does where they fail, and logs why', async () => {
    const failing: LambdaHandler[] = [
      async () => Promise.reject(new Error('no')),
      () => {
        throw new Error('no')
      },
      (_event, _context, callback: (error: string) => void) => callback('no'),
      (_event, context: LambdaContext, _callback) => context.fail('no'),
    ]
    for (const handler of failing) {
      const answer = await call(fromLambda(handler, { event: 'v1' }))
      expect([answer.status, await answer.text()]).toEqual([502, 'Internal Server Error'])
    }
    expect(console.error).toHaveBeenCalledTimes(failing.length)
  })

  it('refuses what can never answer, by name', async () => {
    expect((await call(fromLambda(() => 'late'))).status).toBe(500)
    expect(vi.mocked(console.error).mock.calls[0]?.[1]).toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('Make it async'),
    })
    for (const none of [undefined, null, {}])
      expect(() => fromLambda(none as never)).toThrow(/handler is \w+, not a function/)
    expect(() => fromLambda(async () => ok, { event: 'rest' as never })).toThrow(/"rest" is none of url, v2/)
    expect(() => fromLambda(async () => ok, { timeout: 0 })).toThrow(/timeout/)
    expect(() =>
      fromLambda(async () => ok, { bindings: defineBindings({}), queues: ['jobs'] as never }),
    ).toThrow(/not a declared queue/)
  })

  it('answers 504 when the time is over, and tells the time that is left', async () => {
    let left = 0
    const handler: LambdaHandler = (_event, context: LambdaContext) => {
      left = context.getRemainingTimeInMillis()
      return new Promise(() => {})
    }
    expect((await call(fromLambda(handler, { timeout: 1 }))).status).toBe(504)
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(1000)
    void call(fromLambda(handler, { timeout: 900 }))
    await expect.poll(() => left, PATIENCE).toBeGreaterThan(800_000)
    expect(left).toBeLessThanOrEqual(900_000)
  })
})

it('gives the context of AWS and the env of the app', async () => {
  const seen: LambdaContext[] = []
  const bindings = defineBindings({ fromLambdaTest: variable(), fromLambdaKey: secret() })
  const app = fromLambda(
    async (_event: unknown, context: LambdaContext) => {
      seen.push(context)
      return { statusCode: 200, body: `${process.env['FROM_LAMBDA_TEST']} ${process.env['FROM_LAMBDA_KEY']}` }
    },
    { bindings, functionName: 'notes', memoryLimitInMB: 512 },
  )
  const env = { fromLambdaTest: 'value', fromLambdaKey: { get: async () => 'key' } }
  expect(await (await call(app, '/', env)).text()).toBe('value key')
  await call(app, '/', env)
  expect(seen[0]).toMatchObject({
    functionName: 'notes',
    functionVersion: '$LATEST',
    memoryLimitInMB: '512',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:notes',
    unmoor: { env },
  })
  expect(new Set(seen.map(({ awsRequestId }) => awsRequestId)).size).toBe(2)
})

describe('queues', () => {
  const bindings = defineBindings({ jobs: queue({ retryDelay: 7 }) })
  const BODIES: readonly unknown[] = [{ n: 1 }, 'plain text', new Uint8Array([1, 2])]

  /** Runs the queue's handler as a target does; returns what becomes of each message. */
  async function run(
    handler: LambdaHandler,
    options: FromLambdaQueue = {},
  ): Promise<{ outcomes: string[]; error?: unknown }> {
    const app = fromLambda(handler, { bindings, event: 'none', queues: { jobs: options } })
    const batch = createBatch(
      'jobs',
      BODIES.map((body, index) => ({
        id: `m${index}`,
        lease: `l${index}`,
        attempts: 2,
        timestamp: 1000,
        ...(body instanceof Uint8Array
          ? { contentType: 'bytes' as const, body: new Uint8Array(body) }
          : { contentType: 'json' as const, body: JSON.stringify(body) }),
      })),
      7,
    )
    let error: unknown
    await Promise.resolve(app.queues['jobs']?.(batch, {} as never, createContext())).catch(
      (thrown: unknown) => (error = thrown),
    )
    return {
      outcomes: batch.settlements(error === undefined ? 'ack' : 'retry').map(({ outcome }) => outcome),
      error,
    }
  }

  it('have the form of an SQS event', async () => {
    let event: SQSEvent | undefined
    await run(async (given: SQSEvent) => void (event = given))
    expect(event?.Records.map(({ body }) => body)).toEqual(['{"n":1}', 'plain text', 'AQI='])
    expect(event?.Records[0]).toMatchObject({
      messageId: 'm0',
      attributes: { ApproximateReceiveCount: '2', SentTimestamp: '1000' },
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:jobs',
      md5OfBody: createHash('md5').update('{"n":1}').digest('hex'),
    })
    expect(event?.Records[2]?.messageAttributes).toEqual({
      'unmoor.type': { dataType: 'String', stringValue: 'bytes' },
    })
  })

  const failing = (...ids: unknown[]): object => ({
    batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })),
  })
  it.each<[string, unknown, string[]]>([
    ['nothing', undefined, ['ack', 'ack', 'ack']],
    ['null', null, ['ack', 'ack', 'ack']],
    ['no list', {}, ['ack', 'ack', 'ack']],
    ['a null list', { batchItemFailures: null }, ['ack', 'ack', 'ack']],
    ['an empty list', failing(), ['ack', 'ack', 'ack']],
    ['one', failing('m1'), ['ack', 'retry', 'ack']],
    ['two', failing('m2', 'm0'), ['retry', 'ack', 'retry']],
    ['an unknown id', failing('m1', 'other'), ['retry', 'retry', 'retry']],
    ['an empty id', failing(''), ['retry', 'retry', 'retry']],
    ['a null id', failing(null), ['retry', 'retry', 'retry']],
    ['a wrong key', { batchItemFailures: [{ id: 'm1' }] }, ['retry', 'retry', 'retry']],
    ['no array', { batchItemFailures: 'm1' }, ['retry', 'retry', 'retry']],
  ])('are settled by an answer with %s', async (_name, answer, outcomes) => {
    expect((await run(async () => answer)).outcomes).toEqual(outcomes)
  })

  it('come again whole where the handler throws', async () => {
    const { outcomes, error } = await run(async () => Promise.reject(new Error('no')))
    expect([outcomes, error]).toEqual([
      ['retry', 'retry', 'retry'],
      expect.objectContaining({ message: 'no' }),
    ])
  })

  it('of FIFO come again from the first failure on', async () => {
    let event: SQSEvent | undefined
    const handler: LambdaHandler = async (given: SQSEvent) => {
      event = given
      return failing('m1')
    }
    expect((await run(handler, { arn: 'arn:aws:sqs:eu-west-1:1:jobs.fifo' })).outcomes).toEqual([
      'ack',
      'retry',
      'retry',
    ])
    expect(event?.Records[0]?.attributes).toMatchObject({
      MessageGroupId: 'unmoor',
      MessageDeduplicationId: 'm0',
    })
  })

  it('go by throws alone without ReportBatchItemFailures', async () => {
    expect((await run(async () => failing('m1'), { reportBatchItemFailures: false })).outcomes).toEqual([
      'ack',
      'ack',
      'ack',
    ])
  })
})

describe('schedules', () => {
  it('have the form of EventBridge, or the input that they are given', async () => {
    const events: unknown[] = []
    const app = fromLambda(async (event: unknown) => void events.push(event), {
      event: 'none',
      crons: { nightly: '0 3 * * *', weekly: { schedule: 'cron(30 4 ? * 2-6 *)', input: { job: 'weekly' } } },
    })
    expect(Object.entries(app.crons).map(([name, { schedule }]) => [name, schedule])).toEqual([
      ['nightly', '0 3 * * *'],
      ['weekly', '30 4 * * MON-FRI'],
    ])
    for (const name of ['nightly', 'weekly'] as const)
      await app.crons[name].run(
        { name, cron: '', scheduledTime: Date.UTC(2026, 0, 1, 3), type: 'scheduled', noRetry() {} },
        {},
        createContext(),
      )
    expect(events).toEqual([
      expect.objectContaining({
        'detail-type': 'Scheduled Event',
        time: '2026-01-01T03:00:00Z',
        resources: ['arn:aws:events:us-east-1:000000000000:rule/nightly'],
      }),
      { job: 'weekly' },
    ])
  })

  it.each([
    ['rate(1 minute)', '* * * * *'],
    ['rate(5 minutes)', '*/5 * * * *'],
    ['rate(1 hour)', '0 * * * *'],
    ['rate(6 hours)', '0 */6 * * *'],
    ['rate(1 day)', '0 0 * * *'],
    ['cron(0 10 * * ? *)', '0 10 * * *'],
    ['cron(15 12 1 * ? *)', '15 12 1 * *'],
    ['cron(0 18 ? * MON-FRI *)', '0 18 * * MON-FRI'],
    ['cron(0 8 ? * 1,7 *)', '0 8 * * SUN,SAT'],
  ])('%s is %s', (expression, schedule) => {
    expect(fromLambda(async () => {}, { crons: { job: expression } }).crons.job.schedule).toBe(schedule)
  })

  it.each([
    ['rate(7 minutes)'],
    ['rate(2 days)'],
    ['rate(0 hours)'],
    ['cron(0 10 * * ? 2027)'],
    ['cron(0 10 * *)'],
  ])('%s is refused', (expression) => {
    expect(() => fromLambda(async () => {}, { crons: { job: expression } })).toThrow(/crons\.job/)
  })

  it('fail where the handler does', async () => {
    const app = fromLambda(async () => Promise.reject(new Error('no')), { crons: { job: '* * * * *' } })
    await expect(
      app.crons.job.run(
        { name: 'job', cron: '', scheduledTime: 0, type: 'scheduled', noRetry() {} },
        {} as never,
        createContext(),
      ),
    ).rejects.toThrow('no')
  })
})

describe('streaming', () => {
  const stream = (handler: StreamifyHandler): LambdaHandler => awslambda.streamifyResponse(handler)

  it('sends head and chunks as they are written, while the handler works', async () => {
    const gate = Promise.withResolvers<void>()
    const app = fromLambda(
      stream(async (_event, response) => {
        const out = awslambda.HttpResponseStream.from(response, {
          statusCode: 201,
          headers: { 'x-own': 'yes' },
          cookies: ['a=1', 'b=2'],
        })
        out.write('first')
        await gate.promise
        out.write(Buffer.from(' second'))
        out.end(' third')
      }),
    )
    const answer = await call(app)
    expect([answer.status, answer.headers.get('x-own'), answer.headers.getSetCookie()]).toEqual([
      201,
      'yes',
      ['a=1', 'b=2'],
    ])
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
    const text = (part: { value?: Uint8Array | undefined }): string => new TextDecoder().decode(part.value)
    expect(text(await reader.read())).toBe('first')
    gate.resolve()
    expect(text(await reader.read()) + text(await reader.read())).toBe(' second third')
    expect((await reader.read()).done).toBe(true)
  })

  it('has a default head, and one of setContentType', async () => {
    const plain = await call(fromLambda(stream(async (_event, response) => void response.end('x'))))
    expect([plain.status, plain.headers.get('content-type')]).toEqual([200, 'application/octet-stream'])
    const typed = stream(async (_event, response) => {
      response.setContentType('text/html')
      response.write({ json: true })
      response.end()
    })
    const html = await call(fromLambda(typed))
    expect([html.headers.get('content-type'), await html.text()]).toEqual(['text/html', '{"json":true}'])
  })

  it.each([204, 304])('ends %i without a body', async (statusCode) => {
    const answer = await call(
      fromLambda(
        stream(
          async (_event, response) => void awslambda.HttpResponseStream.from(response, { statusCode }).end(),
        ),
      ),
    )
    expect([answer.status, answer.body]).toEqual([statusCode, null])
  })

  it("takes Node's pipeline, with its back-pressure", async () => {
    const bytes = Buffer.alloc(1_000_000, 'abc')
    const app = fromLambda(
      stream(async (_event, response) =>
        pipeline(
          Readable.from([bytes.subarray(0, 500_000), bytes.subarray(500_000)]),
          createGzip({ level: 0 }),
          response,
        ),
      ),
    )
    const answer = await call(app)
    expect(gunzipSync(Buffer.from(await answer.arrayBuffer())).equals(bytes)).toBe(true)
  })

  it('makes a writer wait for its reader', async () => {
    let written = 0
    const app = fromLambda(
      stream(async (_event, response) => {
        for (; written < 100; written++)
          if (!response.write(new Uint8Array(16_384)))
            await new Promise((resolve) => response.once('drain', resolve))
        response.end()
      }),
    )
    const answer = await call(app)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(written).toBeLessThan(10)
    expect((await answer.arrayBuffer()).byteLength).toBe(100 * 16_384)
  })

  it('writes to its end where the client goes away', async () => {
    const done = Promise.withResolvers<number>()
    const app = fromLambda(
      stream(async (_event, response) => {
        let count = 0
        for (; count < 50; count++)
          if (!response.write(new Uint8Array(16_384)))
            await new Promise((resolve) => response.once('drain', resolve))
        response.end()
        done.resolve(count)
      }),
    )
    await (await call(app)).body?.cancel()
    expect(await done.promise).toBe(50)
  })

  it('is a 502 where it fails before its head, and breaks off where it fails later', async () => {
    expect((await call(fromLambda(stream(async () => Promise.reject(new Error('no')))))).status).toBe(502)
    expect((await call(fromLambda(stream((() => {}) as never)))).status).toBe(502)
    const late = stream(async (_event, response) => {
      response.write('part')
      throw new Error('no')
    })
    await expect((await call(fromLambda(late))).text()).rejects.toThrow('no')
    const endless = stream(async (_event, response) => void response.write('part'))
    await expect((await call(fromLambda(endless, { timeout: 1 }))).text()).rejects.toThrow(/within 1 s/)
  })

  it('stands behind a Function URL', () => {
    const handler = stream(async () => {})
    expect(() => fromLambda(handler, { event: 'v1' })).toThrow(/Function URL/)
  })

  it("goes there and back through the Lambda adapter's own streaming handler", async () => {
    const app = defineApp({
      fetch: (request: Request) =>
        new Response(`from ${new URL(request.url).pathname}`, {
          status: 202,
          headers: [
            ['x-own', '1'],
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ],
        }),
    })
    const runtime = await createRuntime({ app, name: 'test', drivers: {}, variable: () => undefined })
    // The adapter tells a Function URL by its domain.
    const handler = createHandler({
      runtime,
      invokeMode: 'RESPONSE_STREAM',
      localFront: 'url',
      variable: () => undefined,
      log: () => {},
    })
    const answer = await call(fromLambda(handler as LambdaHandler), '/there')
    expect([
      answer.status,
      await answer.text(),
      answer.headers.getSetCookie(),
      answer.headers.get('x-own'),
    ]).toEqual([202, 'from /there', ['a=1', 'b=2'], '1'])
  })
})

it('digests as MD5 does', () => {
  for (const text of [
    '',
    'a',
    'message digest',
    'ü'.repeat(55),
    'x'.repeat(56),
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(1000),
  ])
    expect(md5(text)).toBe(createHash('md5').update(text).digest('hex'))
})
