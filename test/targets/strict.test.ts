import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../core/app.ts'
import type { CacheDeclaration, KvDeclaration, QueueDeclaration } from '../../core/bindings/declarations.ts'
import { startApp, type TestApp } from '../../core/tools/testing/index.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'

/** An app with the mistakes that work on one's own machine. */
const SOURCE = `import { cache, defineApp, defineBindings, kv, queue } from 'unmoor'
const seen = []
export default defineApp({
  bindings: defineBindings({ links: kv(), pages: cache(), jobs: queue() }),
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/read-your-write') {
      const before = await env.links.get('a')
      await env.links.put('a', 'new')
      const { keys } = await env.links.list()
      return Response.json([before, await env.links.get('a'), [...(await env.links.getMany(['a'])).values()], keys.length])
    }
    if (pathname === '/cached') {
      const hits = []
      for (let n = 0; n < 20; n++) {
        const url = 'https://app.test/' + n
        await env.pages.put(url, new Response('page', { headers: { 'cache-control': 'max-age=60' } }))
        hits.push((await env.pages.match(url)) !== undefined)
      }
      return Response.json(hits)
    }
    if (pathname === '/send') {
      for (let n = 0; n < 60; n++) await env.jobs.send(n)
      return new Response('sent')
    }
    return Response.json(seen)
  },
  queues: {
    jobs: (batch) => {
      for (const { body, timestamp } of batch.messages) seen.push([body, Date.now() - timestamp.getTime()])
    },
  },
})`

type Fixture = App<{ links: KvDeclaration; pages: CacheDeclaration; jobs: QueueDeclaration<number> }>

const inOrder = Array.from({ length: 60 }, (_, n) => n)
let project: TempProject
beforeAll(async () => {
  project = await tempProject({ 'src/app.ts': SOURCE })
})
afterAll(() => project[Symbol.asyncDispose]())

async function json<T>(app: TestApp<Fixture>, path: string): Promise<T> {
  return (await (await app.fetch(path)).json()) as T
}

/**
 * Messages in the order in which they came, and the longest time in milliseconds from a message's sending to
 * its handler.
 */
async function messages(app: TestApp<Fixture>): Promise<{ seen: number[]; longest: number }> {
  await app.fetch('/send')
  await app.queues.jobs.drained()
  const seen = await json<[number, number][]>(app, '/seen')
  return { seen: seen.map(([body]) => body), longest: Math.max(...seen.map(([, ms]) => ms)) }
}

describe.each([
  ['plain', undefined],
  ['strict', 7],
] as const)('%s drivers', (kind, strict) => {
  let app: TestApp<Fixture>
  beforeAll(async () => {
    app = await startApp<Fixture>({
      projectDir: project.dir,
      target: 'node',
      ...(strict === undefined ? {} : { strict }),
    })
  })
  afterAll(() => app?.stop())

  test('a value that is read just after it was written', async () => {
    expect(await json(app, '/read-your-write')).toEqual(
      kind === 'plain' ? [null, 'new', ['new'], 1] : [null, null, [null], 0],
    )
    // Stale for a while only.
    await expect.poll(() => app.env.links.get('a')).toBe('new')
    expect((await app.env.links.list()).keys.length).toBe(1)
  })

  test('messages taken for unique, ordered and immediate', async () => {
    const { seen, longest } = await messages(app)
    expect(new Set(seen)).toEqual(new Set(inOrder))
    if (kind === 'plain') expect(seen).toEqual(inOrder)
    else {
      expect(seen.length, 'duplicates').toBeGreaterThan(60)
      expect(seen.toSorted((a, b) => a - b)).not.toEqual(seen)
      // Some wait for a second or two, which no machine makes shorter.
      expect(longest).toBeGreaterThan(900)
    }
  })

  test('a cache taken for a store', async () => {
    const hits = await json<boolean[]>(app, '/cached')
    if (kind === 'plain') expect(hits.every(Boolean)).toBe(true)
    else expect(new Set(hits)).toEqual(new Set([true, false]))
  })
})

test('the same seed does the same', async () => {
  const runs: boolean[][] = []
  for (const strict of [11, 11, 12]) {
    await using app = await startApp<Fixture>({ projectDir: project.dir, target: 'node', strict })
    runs.push(await json(app, '/cached'))
  }
  expect(runs[1]).toEqual(runs[0])
  expect(runs[2]).not.toEqual(runs[0])
})
