import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../core/app.ts'
import { startApp, type TestApp } from '../../core/tools/testing/index.ts'
import type { KvDeclaration, QueueDeclaration, SecretDeclaration } from '../../core/bindings/declarations.ts'
import { tempProject, type TempProject } from './temp-project.ts'

const SOURCE = `import { defineApp, defineBindings, kv, queue, secret } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ seen: kv(), jobs: queue(), token: secret() }),
  fetch: async (request, env) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/move') return new Response(null, { status: 302, headers: { location: '/' } })
    await env.jobs.send({ pathname })
    return new Response(await env.token.get())
  },
  queues: {
    jobs: async (batch, env) => {
      while ((await env.seen.get('go')) === null) await new Promise((resolve) => setTimeout(resolve, 10))
      for (const { body } of batch.messages) await env.seen.put(body.pathname.slice(1), 'done')
    },
  },
  crons: {
    note: { schedule: '0 3 * * *', run: (event, env) => env.seen.put('cron', String(event.scheduledTime)) },
    broken: { schedule: '0 4 * * *', run: () => { throw new Error('cron failed') } },
  },
})`

type Fixture = App<
  { seen: KvDeclaration; jobs: QueueDeclaration<{ pathname: string }>; token: SecretDeclaration },
  'note' | 'broken'
>

// A folder of its own for temporary files, since other tests start apps at the same time.
const temp = await mkdtemp(join(tmpdir(), 'unmoor-temp-'))
const outer = process.env['TMPDIR']
beforeAll(() => void (process.env['TMPDIR'] = temp))
afterAll(async () => {
  if (outer === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = outer
  await rm(temp, { recursive: true })
})

const leftovers = async (): Promise<string[]> =>
  (await readdir(temp)).filter((name) => name.startsWith('unmoor-test-'))

describe('startApp', () => {
  let project: TempProject
  let t: TestApp<Fixture>
  beforeAll(async () => {
    project = await tempProject({ 'src/app.ts': SOURCE })
    t = await startApp<Fixture>({ projectDir: project.dir, target: 'node', variables: { TOKEN: 'hush' } })
  })
  afterAll(async () => {
    await t?.stop()
    await project?.[Symbol.asyncDispose]()
  })

  test('answers requests, without following redirects', async () => {
    expect(t).toMatchObject({ target: 'node', runtime: `node ${process.version}` })
    expect(await (await t.fetch('/a')).text()).toBe('hush')
    expect((await t.fetch('/move')).status).toBe(302)
  })

  test('drained waits until the queue has been handled', async () => {
    await t.fetch('/b')
    expect(await t.env.seen.get('b')).toBe(null)
    let isDrained = false
    const drained = t.queues.jobs.drained().then(() => (isDrained = true))
    await t.queues.jobs.depth()
    expect(isDrained).toBe(false)
    await t.env.seen.put('go', 'on')
    await drained
    expect(await t.env.seen.get('b')).toBe('done')
    expect(await t.queues.jobs.depth()).toEqual({ ready: 0, delayed: 0, leased: 0 })
  })

  test('drained gives up with what is left', async () => {
    await t.env.jobs.send({ pathname: '/later' }, { delaySeconds: 600 })
    await expect(t.queues.jobs.drained({ timeout: 0.05 })).rejects.toMatchObject({
      code: 'Timeout',
      message: expect.stringMatching(
        /"jobs" was not drained within 0\.05 s: 0 messages are waiting, 1 delayed/,
      ),
    })
  })

  test('crons run at the time given, and their errors come back', async () => {
    await t.crons.note.run({ scheduledTime: new Date(86_400_000) })
    expect(await t.env.seen.get('cron')).toBe('86400000')
    await expect(t.crons.broken.run()).rejects.toThrow(/cron failed/)
  })

  test("the bindings' own errors come back with their codes", async () => {
    await expect(t.env.seen.put('k', 'v', { ttl: 1 })).rejects.toMatchObject({
      name: 'UnmoorError',
      binding: 'seen',
    })
    await expect(t.env.seen.get('x'.repeat(600))).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { max: 512 },
    })
  })

  test('without the token the channel is not there', async () => {
    const response = await t.fetch('/.unmoor/channel', {
      method: 'POST',
      headers: { authorization: 'Bearer wrong' },
      body: '{"op":"values"}',
    })
    expect(response.status).toBe(404)
  })

  test('stop ends it and removes its data', async () => {
    await t.stop()
    await expect(t.fetch('/a')).rejects.toThrow()
    expect(await leftovers()).toEqual([])
  })
})

test('a failed start names what is missing and leaves nothing behind', async () => {
  await using project = await tempProject({ 'src/app.ts': SOURCE })
  await expect(startApp({ projectDir: project.dir, target: 'node' })).rejects.toMatchObject({
    message: expect.stringContaining('TOKEN'),
  })
  await expect(startApp({ projectDir: project.dir, target: 'nowhere' })).rejects.toThrow(
    /no target "nowhere"/,
  )
  expect(await leftovers()).toEqual([])
})
