/** `unmoor queue` against deployments of each target, as the command is typed. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import { PATIENCE } from '../patience.ts'
import { appSource, tempProject, type TempProject } from '../unit/temp-project.ts'
import { json, list, listedText, peek, type Peeked, queue } from './queue-deployment.ts'
import { start, startOlder } from './route-deployment.ts'

/** An app whose handler of `jobs` fails until a request to /mend; /send sends the body, /seen lists what it got. */
const APP = `import { defineApp, defineBindings, kv, queue } from 'unmoor'
const read = async (env) => JSON.parse((await env.state.get('seen')) ?? '[]')
export default defineApp({
  bindings: defineBindings({
    state: kv({ consistency: 'strong' }),
    jobs: queue({ maxRetries: 0, deadLetterQueue: 'dead', batchSize: 1, maxConcurrency: 1 }),
    dead: queue(),
    plain: queue(),
  }),
  queues: {
    async jobs(batch, env) {
      for (const { id, body, attempts } of batch.messages) {
        const shown = body instanceof Uint8Array ? [...body] : body
        await env.state.put('seen', JSON.stringify([...(await read(env)), { id, body: shown, attempts }]))
      }
      if ((await env.state.get('mended')) === null) throw new Error('not yet')
    },
  },
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/mend') await env.state.put('mended', 'yes')
    if (pathname === '/send') {
      const { queue, body, bytes, delaySeconds = 0 } = await request.json()
      await env[queue].send(bytes === undefined ? body : new Uint8Array(bytes), { delaySeconds })
    }
    return Response.json(await read(env))
  },
})
`
let project: TempProject

beforeAll(async () => {
  project = await tempProject({ 'src/app.ts': APP })
})
afterEach(() => void vi.unstubAllEnvs())
afterAll(() => project[Symbol.asyncDispose]())

const send = async (
  url: string,
  to: string,
  message: { body?: unknown; bytes?: number[]; delaySeconds?: number },
): Promise<void> => {
  const body = JSON.stringify({ queue: to, ...message })
  expect((await fetch(new URL('/send', url), { method: 'POST', body })).status).toBe(200)
}

/** Sends messages to `jobs` and waits until its handler has failed with all of them. */
async function killMessages(url: string, bodies: Parameters<typeof send>[2][]): Promise<void> {
  for (const body of bodies) await send(url, 'jobs', body)
  await expect.poll(async () => (await list(url))['dead']?.depth?.ready, PATIENCE).toBe(bodies.length)
}

describe.each([
  ['node', {}],
  ['a strict build on node', { strict: 1 }],
  ['isolate', {}],
])('unmoor queue with a deployment on %s', (name, options) => {
  let running: LocalRuntime
  beforeAll(async () => {
    running = await start(project, name.split(' ').at(-1) as string, options)
  })
  afterAll(() => running.stop())

  test(`${name}: list shows drivers, numbers and dead letters, peek their bodies, replay delivers them again`, async () => {
    const { url } = running
    const long = 'é'.repeat(700)
    await killMessages(url, [{ body: { n: 1 } }, { bytes: [0, 10, 255] }, { body: long }])
    await send(url, 'plain', { body: 'later', delaySeconds: 600 })
    // A strict build delivers some messages of `jobs` twice, so the second delivery may still wait.
    await expect
      .poll(async () => (await listedText(url)).split('\n'), PATIENCE)
      .toEqual([
        'jobs  sqlite  0 ready, 0 delayed, 0 in flight  dead letters: dead (3 ready since N s, 0 delayed, 0 in flight)',
        'dead  sqlite  3 ready since N s, 0 delayed, 0 in flight  no dead-letter queue',
        'plain  sqlite  0 ready, 1 delayed, 0 in flight  no dead-letter queue',
        '',
      ])
    expect((await queue(url, ['list'])).code).toBe(0)

    const messages = await peek(url, ['dead'])
    expect(messages.map(({ state, attempts }) => [state, attempts])).toEqual(
      [1, 2, 3].map(() => ['ready', 0]),
    )
    const byBody = new Map(messages.map((message) => [message.body, message]))
    expect(messages.map(({ encoding, size, cut }) => `${encoding} ${size} ${cut}`).sort()).toEqual([
      'base64 3 false',
      'json 1402 true',
      'json 7 false',
    ])
    expect(messages).toContainEqual(expect.objectContaining({ body: { n: 1 } }))
    expect(byBody.has(Buffer.from([0, 10, 255]).toString('base64'))).toBe(true)
    // The cut is before the first byte of a character that does not fit.
    expect(byBody.has(`"${'é'.repeat(511)}`)).toBe(true)
    expect((await peek(url, ['dead', '--full'])).map(({ body }) => body)).toContain(long)
    expect(await peek(url, ['dead', '--limit', '2'])).toHaveLength(2)
    const shown = (await queue(url, ['peek', 'dead'])).stdout
    expect(shown).toMatch(/^[0-9a-f-]{36} {2}ready {2}attempts 0 {2}sent \d.*Z {2}7 bytes\n {2}\{"n":1\}$/m)
    expect(shown).toMatch(/3 bytes in base64\n {2}AAr\/$/m)
    expect(shown).toMatch(/é \.\.\. \(cut: --full shows all 1402 bytes\)$/m)
    expect((await queue(url, ['peek', 'plain'])).stdout).toMatch(/^\S+ {2}delayed {2}attempts 0/)
    expect((await list(url))['dead']?.depth).toEqual({ ready: 3, delayed: 0, leased: 0 })

    await fetch(new URL('/mend', url))
    const before = ((await (await fetch(url)).json()) as unknown[]).length
    const one = messages[0] as Peeked
    expect(await queue(url, ['replay', 'jobs', '--id', one.id])).toEqual({
      code: 0,
      stdout: 'jobs: 1 dead letter of dead replayed\n',
      stderr: '',
    })
    expect(await queue(url, ['replay', 'jobs'])).toMatchObject({
      code: 0,
      stdout: 'jobs: 2 dead letters of dead replayed\n',
    })
    const seen = async (): Promise<{ id: string }[]> =>
      ((await (await fetch(url)).json()) as { id: string }[]).slice(before)
    const ids = messages.map(({ id }) => id).sort()
    await expect
      .poll(async () => [...new Set((await seen()).map(({ id }) => id))].sort(), PATIENCE)
      .toEqual(ids)
    expect(await seen()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ body: { n: 1 }, attempts: 1 }),
        expect.objectContaining({ body: [0, 10, 255], attempts: 1 }),
        expect.objectContaining({ body: long, attempts: 1 }),
      ]),
    )
    await expect.poll(async () => (await list(url))['jobs']?.depth?.leased, PATIENCE).toBe(0)
    expect(await queue(url, ['replay', 'jobs'])).toMatchObject({
      code: 0,
      stdout: 'jobs: 0 dead letters of dead replayed\n',
    })
    expect(await queue(url, ['replay', 'jobs', '--id', one.id])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: Not replayed: [0-9a-f-]{36}\. dead has no such message/),
    })
  })

  test(`${name}: purge needs --yes, removes what waits and says the number`, async () => {
    const { url } = running
    await send(url, 'dead', { body: 'a\u0085\u001b[2Jb' })
    await send(url, 'dead', { body: 2, delaySeconds: 600 })
    expect(await queue(url, ['purge', 'dead'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/purge removes the messages of "dead" for good.* add --yes/),
    })
    expect(await peek(url, ['dead'])).toHaveLength(2)
    // What a sender wrote must not direct the terminal of who reads it.
    expect((await queue(url, ['peek', 'dead'])).stdout).toContain(String.raw`  "a\u0085\u001b[2Jb"`)
    expect(await queue(url, ['purge', 'dead', '--yes'])).toEqual({
      code: 0,
      stdout: 'dead: 2 messages removed\n',
      stderr: '',
    })
    expect((await queue(url, ['peek', 'dead'])).stdout).toBe('dead: no messages\n')
    expect(await json(url, ['purge', 'dead', '--yes'])).toEqual({ queue: 'dead', removed: 0 })
  })

  test(`${name}: wrong names, tokens and queues without dead letters are refused with what to do`, async () => {
    const { url } = running
    for (const args of [
      ['peek', 'nope'],
      ['replay', 'nope'],
      ['purge', 'nope', '--yes'],
    ])
      expect(await queue(url, args)).toMatchObject({
        code: 2,
        stderr: 'error: This app has no queue "nope". It has: jobs, dead, plain.\n',
      })
    expect(await queue(url, ['replay', 'plain'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/"plain" has no dead-letter queue .* Declare one with deadLetterQueue/),
    })
    expect(await queue(url, ['replay', 'dead'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/dead-letter queue of jobs: name the queue to which/),
    })
    for (const args of [['list'], ['peek', 'dead'], ['replay', 'jobs'], ['purge', 'dead', '--yes']])
      expect(await queue(url, args, 'x'.repeat(36))).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('has no data route for this token'),
      })
  })
})

describe.each([
  ['cloudflare', 'cloudflare', /wrangler queues info NAME/],
  ['lambda', 'sqs', undefined],
])('unmoor queue with a deployment on %s', (target, driver, uncounted) => {
  let running: LocalRuntime
  beforeAll(async () => {
    running = await start(project, target)
  })
  afterAll(() => running.stop())

  test(`${target}: list names the driver, and says what counts the messages if the driver does not`, async () => {
    const { code, stdout, stderr } = await queue(running.url, ['list'])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^jobs +${driver} `, 'm'))
    if (uncounted === undefined)
      expect(stdout).toMatch(/dead letters: dead \(0 ready, 0 delayed, 0 in flight\)/)
    else {
      expect(stdout).toMatch(/^jobs +cloudflare +unknown +dead letters: dead \(unknown\)$/m)
      expect(stderr).toMatch(uncounted)
      expect((await list(running.url))['jobs']?.depth).toBeNull()
    }
  })

  test(`${target}: peek, replay and purge name the driver, the operation and what to do instead`, async () => {
    const refused = async (args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await queue(running.url, args)
      expect([code, stdout]).toEqual([1, ''])
      expect((await json(running.url, args))['error']).toMatchObject({ code: 'Unsupported' })
      return stderr
    }
    const its = `its driver "${driver}"`
    expect(await refused(['peek', 'dead'])).toContain(`${its} cannot show messages without receiving them`)
    expect(await refused(['replay', 'jobs'])).toContain(`${its} cannot move dead letters back. `)
    expect(await refused(['purge', 'plain', '--yes'])).toMatch(
      target === 'lambda' ? /aws sqs purge-queue/ : /wrangler queues purge/,
    )
  })
})

test('unmoor queue replays from shared dead letters only messages that are named by id', async () => {
  await using shared = await tempProject({
    'src/app.ts': `import { defineApp, defineBindings, queue } from 'unmoor'
export default defineApp({
  bindings: defineBindings({
    a: queue({ deadLetterQueue: 'dead' }), b: queue({ deadLetterQueue: 'dead' }), dead: queue(),
  }),
  async fetch(request, env) {
    await env.dead.send('lost')
    return new Response('ok')
  },
})
`,
  })
  const running = await start(shared, 'node')
  await fetch(running.url)
  expect(await queue(running.url, ['replay', 'a'])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/"dead" is the dead-letter queue of a and b, .* by id\.$/m),
  })
  const [lost] = await peek(running.url, ['dead'])
  expect(await json(running.url, ['replay', 'b', '--id', lost?.id ?? ''])).toEqual({
    queue: 'b',
    from: 'dead',
    moved: [lost?.id],
    missing: [],
  })
  expect((await peek(running.url, ['b'])).map(({ body }) => body)).toEqual(['lost'])
  await running.stop()
})

test('unmoor queue list shows the other queues if the backend of one is away, and ends with 1', async () => {
  await using mixed = await tempProject({
    'src/app.ts': `import { defineApp, defineBindings, queue } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ near: queue(), far: queue() }),
  fetch: () => new Response('ok'),
})
`,
    'unmoor.config.ts': `export default {
  name: 'mixed',
  entry: './src/app.ts',
  targets: { node: { drivers: { far: { driver: './away.mjs' } } } },
}
`,
    'away.mjs': `export const queue = () => ({
  send: async () => {},
  depth: async () => { throw new Error('the server is away') },
})
`,
  })
  const running = await start(mixed, 'node')
  expect(await queue(running.url, ['list'])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^near +sqlite +0 ready.*\nfar +\S*away\.mjs +unknown/),
    stderr: expect.stringMatching(/^error: Queue "far" did not count its messages: .*the server is away$/m),
  })
  expect(await queue(running.url, ['peek', 'far'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /its driver ".*away\.mjs" cannot show messages .* Use the tools of its backend/,
    ),
  })
  await running.stop()
})

test('unmoor queue replay moves more dead letters than one request, and peek refuses too many bytes', async () => {
  const running = await start(project, 'node')
  const { url } = running
  await fetch(new URL('/mend', url))
  for (let count = 0; count < 17; count++) await send(url, 'dead', { body: 'x'.repeat(126_000) })
  const tooMuch = await queue(url, ['peek', 'dead', '--full', '--limit', '17'])
  expect(tooMuch).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/these 17 messages have 2142034 bytes, over the 2000000 .* lower limit/),
  })
  expect(await peek(url, ['dead', '--full', '--limit', '2'])).toHaveLength(2)
  await Promise.all(Array.from({ length: 103 }, (_, n) => send(url, 'dead', { body: n })))
  expect(await queue(url, ['replay', 'jobs', '--limit', '115'])).toMatchObject({
    code: 0,
    stdout: 'jobs: 115 dead letters of dead replayed\n',
  })
  expect((await list(url))['dead']?.depth).toEqual({ ready: 5, delayed: 0, leased: 0 })
  await running.stop()
})

test('unmoor queue list says so if the app has no queues', async () => {
  await using bare = await tempProject({ 'src/app.ts': appSource() })
  const running = await start(bare, 'node')
  expect(await queue(running.url, ['list'])).toEqual({
    code: 0,
    stdout: 'This app has no queues.\n',
    stderr: '',
  })
  expect((await queue(running.url, ['peek', 'a'])).stderr).toBe(
    'error: This app has no queue "a". It has: none.\n',
  )
  await running.stop()
})

test('unmoor queue refuses a deployment that was built without --data-route, whose queues have no such method', async () => {
  const running = await start(project, 'node', { dataRoute: false })
  expect(await queue(running.url, ['list'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Build the app with --data-route'),
  })
  await running.stop()
})

test('unmoor queue tells that a deployment is older than the operation', async () => {
  const running = await start(project, 'node')
  await using older = await startOlder(running, 'queue')
  for (const args of [['list'], ['peek', 'dead'], ['replay', 'jobs'], ['purge', 'dead', '--yes']])
    expect(await queue(older.url, args)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/was built by an older unmoor, .* "queue\.\w+"\. Build the app/),
    })
  await running.stop()
})

test('unmoor queue serves the queues of an existing Worker by the names of their bindings', async () => {
  await using worker = await tempProject({
    'src/index.js': `export default {
  async fetch(request, env) {
    await env.JOBS.send({ n: 1 })
    return new Response('ok')
  },
  async queue(batch) { for (const message of batch.messages) message.retry() },
}
`,
    'wrangler.json': JSON.stringify({
      name: 'shop',
      main: 'src/index.js',
      compatibility_date: '2026-01-01',
      queues: {
        producers: [{ binding: 'JOBS', queue: 'shop-jobs' }],
        consumers: [
          { queue: 'shop-jobs', max_retries: 0, max_batch_timeout: 0, dead_letter_queue: 'shop-dead' },
        ],
      },
    }),
  })
  const running = await start(worker, 'node', { worker: 'wrangler.json' })
  await fetch(running.url)
  const dead = async (): Promise<unknown> => (await list(running.url))['shopDead']?.depth?.ready
  await expect.poll(dead, PATIENCE).toBe(1)
  expect(Object.keys(await list(running.url))).toEqual(['jobs', 'shopDead'])
  const [died] = await peek(running.url, ['shopDead'])
  expect(died?.body).toEqual({ n: 1 })
  // The handler fails again, so the message returns to the dead letters.
  expect(await json(running.url, ['replay', 'jobs'])).toMatchObject({ from: 'shopDead', moved: [died?.id] })
  await expect.poll(dead, PATIENCE).toBe(1)
  expect((await peek(running.url, ['shopDead'])).map(({ id }) => id)).toEqual([died?.id])
  await running.stop()
})
