/** `unmoor cron` against deployments of each target, as the command is typed. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import { type CommandResult, runUnmoor } from '../unit/cli-process.ts'
import { appSource, tempProject, type TempProject } from '../unit/temp-project.ts'
import { start, startOlder, TOKEN } from './route-deployment.ts'

const APP = `import { defineApp, defineBindings, kv } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ runs: kv({ consistency: 'strong' }) }),
  crons: {
    cleanup: {
      schedule: '0 3 * * *',
      async run({ name, cron, scheduledTime, type }, env, ctx) {
        const before = JSON.parse((await env.runs.get('all')) ?? '[]')
        const run = { name, cron, scheduledTime, type, hasSignal: ctx.signal instanceof AbortSignal }
        await env.runs.put('all', JSON.stringify([...before, run]))
      },
    },
    wrong: { schedule: '*/5 * * * MON', run() { throw new RangeError('out of it') } },
  },
  fetch: async (request, env) => new Response((await env.runs.get('all')) ?? '[]'),
})
`
let project: TempProject

beforeAll(async () => {
  project = await tempProject({ 'src/app.ts': APP })
})
afterEach(() => void vi.unstubAllEnvs())
afterAll(() => project[Symbol.asyncDispose]())

const cron = (url: string, args: readonly string[], token = TOKEN): Promise<CommandResult> =>
  runUnmoor(['cron', ...args, '--url', url, '--token', token])

describe.each(['node', 'cloudflare', 'isolate', 'lambda'])(
  'unmoor cron with a deployment on %s',
  (target) => {
    let running: LocalRuntime
    beforeAll(async () => {
      running = await start(project, target)
    })
    afterAll(() => running.stop())

    test(`${target}: list prints each cron with its schedule and its next time in UTC`, async () => {
      const { code, stdout } = await cron(running.url, ['list'])
      expect(code).toBe(0)
      expect(stdout.split('\n')).toEqual([
        expect.stringMatching(/^cleanup {2}0 3 \* \* \* {6}next \d{4}-\d\d-\d\dT03:00:00\.000Z$/),
        expect.stringMatching(/^wrong {4}\*\/5 \* \* \* MON {2}next \d{4}-\d\d-\d\dT\d\d:\d[05]:00\.000Z$/),
        '',
      ])
      const json = await cron(running.url, ['list', '--reporter', 'json'])
      const { crons } = JSON.parse(json.stdout) as { crons: { schedule: string; next: string }[] }
      expect(crons.map(({ schedule }) => schedule)).toEqual(['0 3 * * *', '*/5 * * * MON'])
      expect(new Date(crons[1]?.next ?? '').getUTCDay()).toBe(1)
    })

    test(`${target}: run calls the handler once with a scheduled event, the env and a context`, async () => {
      const before = Date.now()
      const { code, stdout } = await cron(running.url, ['run', 'cleanup'])
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^cleanup: done in \d+ ms\n$/)])
      const json = await cron(running.url, ['run', 'cleanup', '--reporter', 'json'])
      const { scheduledTime, ...rest } = JSON.parse(json.stdout) as { scheduledTime: number }
      expect(rest).toEqual({ name: 'cleanup', duration: expect.any(Number) })
      const event = { name: 'cleanup', cron: '0 3 * * *', type: 'scheduled', hasSignal: true }
      const runs = (await (await fetch(running.url)).json()) as { scheduledTime: number }[]
      expect(runs).toEqual([
        { ...event, scheduledTime: expect.any(Number) },
        { ...event, scheduledTime },
      ])
      expect(runs[0]?.scheduledTime).toBeGreaterThanOrEqual(before)
    })

    test(`${target}: run of a handler that throws ends with exit code 1 and its error`, async () => {
      expect(await cron(running.url, ['run', 'wrong'])).toEqual({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^error: wrong failed after \d+ ms: RangeError: out of it\n/m),
      })
      const json = await cron(running.url, ['run', 'wrong', '--reporter', 'json'])
      expect([json.code, JSON.parse(json.stdout)]).toMatchObject([
        1,
        { name: 'wrong', error: { name: 'RangeError', message: 'out of it' } },
      ])
    })

    test(`${target}: run of an unknown cron is wrong use, and names the known ones`, async () => {
      expect(await cron(running.url, ['run', 'nope'])).toMatchObject({
        code: 2,
        stderr: 'error: This app has no cron "nope". It has: cleanup, wrong.\n',
      })
    })

    test(`${target}: a wrong token is refused in the words of unmoor data`, async () => {
      const refused = { code: 1, stderr: expect.stringContaining('has no data route for this token') }
      expect(await cron(running.url, ['list'], 'x'.repeat(36))).toMatchObject(refused)
      expect(await cron(running.url, ['run', 'cleanup'], 'x'.repeat(36))).toMatchObject(refused)
    })
  },
)

test('unmoor cron list says so if the app has no crons, and run knows none', async () => {
  await using bare = await tempProject({ 'src/app.ts': appSource() })
  const running = await start(bare, 'node')
  expect(await cron(running.url, ['list'])).toEqual({
    code: 0,
    stdout: 'This app has no crons.\n',
    stderr: '',
  })
  expect(JSON.parse((await cron(running.url, ['list', '--reporter', 'json'])).stdout)).toEqual({ crons: [] })
  expect((await cron(running.url, ['run', 'a'])).stderr).toBe(
    'error: This app has no cron "a". It has: none.\n',
  )
  await running.stop()
})

test('unmoor cron takes the token of UNMOOR_DATA_TOKEN unless --token is given', async () => {
  const running = await start(project, 'node')
  vi.stubEnv('UNMOOR_DATA_TOKEN', TOKEN)
  expect(await runUnmoor(['cron', 'list', '--url', running.url])).toMatchObject({ code: 0 })
  expect(await cron(running.url, ['list'], 'x'.repeat(36))).toMatchObject({ code: 1 })
  await running.stop()
})

test('unmoor cron runs the trigger of an existing Worker by its place in the wrangler file', async () => {
  await using worker = await tempProject({
    'src/index.js': `let seen = []
export default {
  fetch: () => Response.json(seen),
  scheduled({ cron, scheduledTime }) { seen.push({ cron, scheduledTime }) },
}
`,
    'wrangler.json': JSON.stringify({
      name: 'shop',
      main: 'src/index.js',
      compatibility_date: '2026-01-01',
      triggers: { crons: ['0 3 * * *', '*/10 * * * 2'] },
    }),
  })
  const running = await start(worker, 'node', { worker: 'wrangler.json' })
  const { stdout } = await cron(running.url, ['list'])
  expect(stdout).toMatch(/^cron1 {2}0 3 .*\ncron2 {2}\*\/10 \* \* \* MON .*\n$/)
  expect(await cron(running.url, ['run', 'cron2'])).toMatchObject({ code: 0 })
  expect(await (await fetch(running.url)).json()).toEqual([
    { cron: '*/10 * * * 2', scheduledTime: expect.any(Number) },
  ])
  await running.stop()
})

test('unmoor cron refuses a deployment that was built without --data-route', async () => {
  const running = await start(project, 'node', { dataRoute: false })
  expect(await cron(running.url, ['list'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Build the app with --data-route'),
  })
  await running.stop()
})

test('unmoor cron tells that a deployment is older than the operation', async () => {
  const running = await start(project, 'node')
  await using older = await startOlder(running, 'cron')
  for (const args of [['list'], ['run', 'cleanup']])
    expect(await cron(older.url, args)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /was built by an older unmoor, .* "cron\.\w+"\. Build the app .* deploy it/,
      ),
    })
  await running.stop()
})

test.each([
  [['list'], /required option '--url <url>'/],
  [['run', '--url', 'http://127.0.0.1:1'], /missing required argument 'name'/],
  [['list', '--url', 'app.example', '--token', 'secret'], /--url: "app\.example" is no URL of a deployment/],
  [['list', '--url', 'http://127.0.0.1:1'], /needs the token of its data route: give --token, or set UNMOOR/],
])('unmoor cron %j is wrong use', async (args, message) => {
  expect(process.env['UNMOOR_DATA_TOKEN']).toBeUndefined()
  expect(await runUnmoor(['cron', ...args])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(message),
  })
})
