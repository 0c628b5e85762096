import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { AppCode, TookTooLongInline } from '../../adapters/isolate/engine/app-code.ts'
import { FirstEntryTimes } from '../../adapters/isolate/engine/first-entry-times.ts'
import { Engine, type IsolateFactory } from '../../adapters/isolate/engine/engine.ts'
import { CachedIsolateFactory, type Sources } from '../../adapters/isolate/engine/isolate-factory.ts'
import { InlineWatch } from '../../adapters/isolate/engine/inline-watch.ts'
import { loadIsolatedVm } from '../../adapters/isolate/engine/isolated-vm.ts'
import { InlinePolicy } from '../../adapters/isolate/engine/inline-policy.ts'
import { buildLab } from './host-lab.ts'

const APP = `
import { defineApp } from 'unmoor'
export default defineApp({ fetch: () => new Response('hello') })
`

let sources: Sources

beforeAll(async () => {
  const dir = await buildLab(APP)
  const [webApi, app] = await Promise.all(
    ['web-api.js', 'app.js'].map((file) => readFile(join(dir, file), 'utf8')),
  )
  sources = { webApi: webApi as string, app: app as string }
  await rm(dir, { recursive: true, force: true })
})

it('an app whose last words while it is loaded take it over its limit has not started: else its requests would wait for an isolate that is gone', async () => {
  const { ivm } = await loadIsolatedVm()
  let isOver = false
  const limits = {
    memoryMb: 128,
    cpuMs: 1000,
    startupMs: 20_000,
    // The call that says it is ready is one too many.
    get startupCpuMs() {
      return isOver ? 0 : 20_000
    },
  }
  const factory = new CachedIsolateFactory(ivm, sources)
  const early: IsolateFactory = {
    createIsolate: (memoryMb, onCatastrophe) => factory.createIsolate(memoryMb, onCatastrophe),
    // On a busy machine this may be over before what the app has said is heard.
    async runApp(isolate, context, timeout, mayBeInline) {
      void factory.runApp(isolate, context, timeout, mayBeInline).catch(() => {})
      return 0
    },
  }
  const guest = Engine.start(ivm, early, limits, {
    created: () => void (isOver = true),
    message() {},
    uncaught() {},
    ended() {},
    catastrophe() {},
  })
  await expect(guest).rejects.toMatchObject({ ended: 'startup' })
})

it('code that has started in a short time runs in the host’s thread, and never again once it held that up', async () => {
  const { ivm } = await loadIsolatedVm()
  const code = new AppCode(
    'const until = Date.now() + (globalThis.slow ?? 0)\nwhile (Date.now() < until);\nglobalThis.done = true',
  )
  const run = async (mayBeInline: boolean, slow = 0): Promise<number> => {
    const isolate = new ivm.Isolate()
    try {
      const context = await isolate.createContext()
      await context.global.set('slow', slow)
      const us = await code.run(isolate, context, 5000, mayBeInline)
      expect(await context.global.get('done')).toBe(true)
      return us
    } finally {
      isolate.dispose()
    }
  }
  // On a busy machine a start may look long, which begins the row anew.
  await expect.poll(() => run(true), { interval: 0 }).toBeGreaterThan(0)
  expect(await run(false)).toBe(0)
  await expect(run(true, 400)).rejects.toThrow(TookTooLongInline)
  for (let start = 0; start < 6; start++) expect(await run(true)).toBe(0)
  expect(await run(true, 400)).toBe(0)
  // Nor after a long one elsewhere.
  for (let start = 0; start < 6; start++) expect(await run(true)).toBe(0)
})

it('a start that was broken off in the host’s thread is made again on another, and nobody hears of it', async () => {
  const { ivm } = await loadIsolatedVm()
  const factory = new CachedIsolateFactory(ivm, sources)
  const tries: boolean[] = []
  const failing: IsolateFactory = {
    createIsolate: (memoryMb, onCatastrophe) => factory.createIsolate(memoryMb, onCatastrophe),
    async runApp(isolate, context, timeout, mayBeInline) {
      tries.push(mayBeInline)
      if (mayBeInline) throw new TookTooLongInline('too long')
      return factory.runApp(isolate, context, timeout, mayBeInline)
    },
  }
  const ends: unknown[] = []
  const watch = new InlineWatch(ivm)
  const limits = {
    memoryMb: 128,
    cpuMs: 1000,
    startupMs: 20_000,
    startupCpuMs: 20_000,
  }
  const events = {
    message() {},
    uncaught() {},
    ended: (error: unknown) => void ends.push(error),
    catastrophe() {},
  }
  const guest = await Engine.start(ivm, failing, limits, events, { policy: new InlinePolicy(), watch })
  expect([tries, ends]).toEqual([[true, false], []])
  guest.close()
  await watch.close()
})

/** Counts the entries in this thread. */
class CountingWatch extends InlineWatch {
  entries = 0
  override begin(...args: Parameters<InlineWatch['begin']>): void {
    this.entries++
    super.begin(...args)
  }
}

it('the first entry of an isolate is in the host’s thread where those of others with its code were short, and of an app that was long is not', async () => {
  const { ivm } = await loadIsolatedVm()
  const factory = new CachedIsolateFactory(ivm, sources)
  const watch = new CountingWatch(ivm)
  const firstEntryTimes = new FirstEntryTimes()
  const waiting: IsolateFactory = {
    firstEntryTimes,
    async createIsolate(memoryMb, onCatastrophe) {
      const created = await factory.createIsolate(memoryMb, onCatastrophe)
      // As the host's pool has it.
      watch.add(created.isolate)
      await expect.poll(() => watch.has(created.isolate)).toBe(true)
      return created
    },
    async runApp(isolate, context, timeout) {
      await factory.runApp(isolate, context, timeout, false)
      return 1
    },
  }
  const limits = {
    memoryMb: 128,
    cpuMs: 1000,
    startupMs: 20_000,
    startupCpuMs: 20_000,
  }
  /** Resolves to true if the first request to a new isolate was answered in this thread. */
  const isHere = async (policy: InlinePolicy): Promise<boolean> => {
    const answered = Promise.withResolvers<readonly unknown[]>()
    const events = {
      message: (message: readonly unknown[]) => void (message[0] === 'response' && answered.resolve(message)),
      uncaught() {},
      ended() {},
      catastrophe() {},
    }
    const guest = await Engine.start(ivm, waiting, limits, events, { policy, watch })
    const before = watch.entries
    guest.fetch({ id: 1, method: 'GET', url: 'http://localhost/', headers: '', body: null, entered() {} })
    expect((await answered.promise)[2]).toBe(200)
    const here = watch.entries > before
    guest.close()
    return here
  }
  expect([
    await isHere(new InlinePolicy()),
    await isHere(new InlinePolicy()),
    firstEntryTimes.areShort,
  ]).toEqual([false, false, false])
  // On a busy machine an entry may look long, which begins the row anew.
  await expect.poll(() => isHere(new InlinePolicy()), { interval: 0 }).toBe(true)
  const known = new InlinePolicy()
  known.notePooled(400_000)
  expect(await isHere(known)).toBe(false)
  firstEntryTimes.note(3000)
  expect(await isHere(new InlinePolicy())).toBe(false)
  await watch.close()
})

it('an isolate is not entered inline while the watch takes a change: nobody would end an endless statement', async () => {
  const { ivm } = await loadIsolatedVm()
  const watch = new InlineWatch(ivm)
  const [first, second] = [new ivm.Isolate(), new ivm.Isolate()]
  try {
    watch.add(first)
    await expect.poll(() => watch.has(first)).toBe(true)
    watch.add(second)
    expect(watch.has(first)).toBe(false)
    await expect.poll(() => watch.has(first) && watch.has(second)).toBe(true)
    // A removal waits for others, so that each eviction does not stop the watch.
    watch.remove(second)
    expect([watch.has(first), watch.has(second)]).toEqual([true, false])
  } finally {
    await watch.close()
    first.dispose()
    second.dispose()
  }
})
