/** The operations of the data route on crons, called on the wrapped app itself. */
import { randomUUID } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { type App, type CronEvent, defineApp } from '../../core/app.ts'
import { createContext } from '../../core/context.ts'
import { UnmoorError } from '../../core/errors.ts'
import { withDataRoute } from '../../core/runtime/data-route.ts'

const TOKEN: string = randomUUID()
const seen: { event: CronEvent; env: unknown }[] = []
const noRetry = vi.fn<(event: CronEvent) => void>((event) => event.noRetry())
const app = defineApp({
  crons: {
    cleanup: { schedule: '0 3 * * *', run: (event, env) => void seen.push({ event, env }) },
    wrong: {
      schedule: '*/5 * * * MON',
      run() {
        throw new RangeError('out of it')
      },
    },
    full: {
      schedule: '0 0 L * *',
      run(event) {
        noRetry(event)
        throw new UnmoorError('LimitExceeded', 'too many')
      },
    },
    odd: {
      schedule: '0 0 1 JAN *',
      run: () => Promise.reject('just text'), // oxlint-disable-line prefer-promise-reject-errors
    },
  },
})

afterEach(() => vi.restoreAllMocks())

async function ask(
  of: App,
  body: unknown,
  token = TOKEN,
): Promise<{ status: number; answer: unknown; env: object }> {
  const env = { unmoorDataToken: { get: async () => TOKEN } }
  const request = new Request('https://app.example/.unmoor/data', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  })
  const response = (await withDataRoute(of).fetch?.(request, env as never, createContext())) as Response
  const text = await response.text()
  return { status: response.status, answer: text.startsWith('{') ? JSON.parse(text) : text, env }
}

test('cron.list answers the names and schedules of all crons, in the order of the app', async () => {
  expect(await ask(app, { op: 'cron.list' })).toMatchObject({
    status: 200,
    answer: {
      value: [
        { name: 'cleanup', schedule: '0 3 * * *' },
        { name: 'wrong', schedule: '*/5 * * * MON' },
        { name: 'full', schedule: '0 0 L * *' },
        { name: 'odd', schedule: '0 0 1 JAN *' },
      ],
    },
  })
  expect((await ask(defineApp({}), { op: 'cron.list' })).answer).toEqual({ value: [] })
})

test('cron.run calls the handler once with the event of a scheduled run and the env of the app', async () => {
  seen.length = 0
  const before = Date.now()
  const { answer, env } = await ask(app, { op: 'cron.run', name: 'cleanup' })
  expect(seen).toEqual([
    {
      event: {
        name: 'cleanup',
        cron: '0 3 * * *',
        scheduledTime: expect.any(Number),
        type: 'scheduled',
        noRetry: expect.any(Function),
      },
      env,
    },
  ])
  const scheduledTime = seen[0]?.event.scheduledTime ?? 0
  expect(scheduledTime).toBeGreaterThanOrEqual(before)
  expect(answer).toEqual({ value: { name: 'cleanup', scheduledTime, duration: expect.any(Number) } })
})

test.each([
  ['wrong', { name: 'RangeError', message: 'out of it' }],
  ['full', { name: 'UnmoorError', message: 'too many', code: 'LimitExceeded' }],
  ['odd', { name: 'string', message: 'just text' }],
])('cron.run answers what the handler of "%s" threw, and logs it', async (name, error) => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  const { status, answer } = await ask(app, { op: 'cron.run', name })
  expect(status).toBe(200)
  expect(answer).toEqual({
    value: { name, scheduledTime: expect.any(Number), duration: expect.any(Number), error },
  })
  expect(log).toHaveBeenCalledExactlyOnceWith(
    expect.stringMatching(new RegExp(`^cron ${name} at .*Z failed:$`)),
    expect.anything(),
  )
})

test.each(['nope', 'toString', '__proto__', undefined])(
  'cron.run refuses the unknown cron %j and names the known ones',
  async (name) => {
    expect(await ask(app, { op: 'cron.run', name })).toMatchObject({
      status: 422,
      answer: {
        error: {
          code: 'NotFound',
          operation: 'cron',
          message: expect.stringMatching(/^This app has no cron .*It has: cleanup, wrong, full, odd\.$/),
        },
      },
    })
  },
)

test('the cron that fires alarms of Durable Objects is neither listed nor run', async () => {
  const run = vi.fn<() => void>()
  const crons = { objectAlarms: { schedule: '* * * * *', run } }
  const worker: App = { ...defineApp({ crons }), bindings: { storage: { kind: 'objects' } as never } }
  expect((await ask(worker, { op: 'cron.list' })).answer).toEqual({ value: [] })
  expect((await ask(worker, { op: 'cron.run', name: 'objectAlarms' })).answer).toMatchObject({
    error: { message: 'This app has no cron "objectAlarms". It has: none.' },
  })
  expect(run).not.toHaveBeenCalled()
  // An app without objects may have a cron of that name.
  expect((await ask(defineApp({ crons }), { op: 'cron.list' })).answer).toMatchObject({
    value: [{ name: 'objectAlarms' }],
  })
})

test('cron.run does not call the handler for a wrong token', async () => {
  seen.length = 0
  expect(await ask(app, { op: 'cron.run', name: 'cleanup' }, 'x'.repeat(36))).toMatchObject({
    status: 404,
    answer: 'Not Found',
  })
  expect(seen).toEqual([])
})

test('an operation that the route does not know is refused in the words by which clients know it', async () => {
  expect(await ask(app, { op: 'cron.stop' })).toMatchObject({
    status: 422,
    answer: { error: { code: 'InvalidArgument', message: 'The data route has no operation "cron.stop".' } },
  })
})
