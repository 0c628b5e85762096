import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { AppCode, TookTooLongHere } from '../../adapters/isolate/engine/app-code.ts'
import { FirstEntries } from '../../adapters/isolate/engine/first-entries.ts'
import { Guest, type GuestImage } from '../../adapters/isolate/engine/guest.ts'
import { Image, type Sources } from '../../adapters/isolate/engine/image.ts'
import { InlineWatch } from '../../adapters/isolate/engine/inline-watch.ts'
import { loadIsolatedVm } from '../../adapters/isolate/engine/isolated-vm.ts'
import { Pace } from '../../adapters/isolate/engine/pace.ts'
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
    wallSeconds: undefined,
    // The call that says it is ready is one too many.
    get startupCpuMs() {
      return isOver ? 0 : 20_000
    },
  }
  const image = new Image(ivm, sources)
  const early: GuestImage = {
    createIsolate: (memoryMb, onCatastrophe) => image.createIsolate(memoryMb, onCatastrophe),
    // On a busy machine this may be over before what the app has said is heard.
    async runApp(isolate, context, timeout, mayBeHere) {
      void image.runApp(isolate, context, timeout, mayBeHere).catch(() => {})
      return 0
    },
  }
  const guest = Guest.start(ivm, early, limits, {
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
  const run = async (mayBeHere: boolean, slow = 0): Promise<number> => {
    const isolate = new ivm.Isolate()
    try {
      const context = await isolate.createContext()
      await context.global.set('slow', slow)
      const us = await code.run(isolate, context, 5000, mayBeHere)
      expect(await context.global.get('done')).toBe(true)
      return us
    } finally {
      isolate.dispose()
    }
  }
  // On a busy machine a start may look long, which begins the row anew.
  await expect.poll(() => run(true), { interval: 0 }).toBeGreaterThan(0)
  expect(await run(false)).toBe(0)
  await expect(run(true, 400)).rejects.toThrow(TookTooLongHere)
  for (let start = 0; start < 6; start++) expect(await run(true)).toBe(0)
  expect(await run(true, 400)).toBe(0)
  // Nor after a long one elsewhere.
  for (let start = 0; start < 6; start++) expect(await run(true)).toBe(0)
})

it('a start that was broken off in the host’s thread is made again on another, and nobody hears of it', async () => {
  const { ivm } = await loadIsolatedVm()
  const image = new Image(ivm, sources)
  const tries: boolean[] = []
  const failing: GuestImage = {
    createIsolate: (memoryMb, onCatastrophe) => image.createIsolate(memoryMb, onCatastrophe),
    async runApp(isolate, context, timeout, mayBeHere) {
      tries.push(mayBeHere)
      if (mayBeHere) throw new TookTooLongHere('too long')
      return image.runApp(isolate, context, timeout, mayBeHere)
    },
  }
  const ends: unknown[] = []
  const watch = new InlineWatch(ivm)
  const limits = {
    memoryMb: 128,
    cpuMs: 1000,
    startupMs: 20_000,
    startupCpuMs: 20_000,
    wallSeconds: undefined,
  }
  const events = {
    message() {},
    uncaught() {},
    ended: (error: unknown) => void ends.push(error),
    catastrophe() {},
  }
  const guest = await Guest.start(ivm, failing, limits, events, { pace: new Pace(), watch })
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
  const image = new Image(ivm, sources)
  const watch = new CountingWatch(ivm)
  const firstEntries = new FirstEntries()
  const waiting: GuestImage = {
    firstEntries,
    async createIsolate(memoryMb, onCatastrophe) {
      const created = await image.createIsolate(memoryMb, onCatastrophe)
      // As the host's pool has it.
      watch.add(created.isolate)
      await expect.poll(() => watch.has(created.isolate)).toBe(true)
      return created
    },
    async runApp(isolate, context, timeout) {
      await image.runApp(isolate, context, timeout, false)
      return 1
    },
  }
  const limits = {
    memoryMb: 128,
    cpuMs: 1000,
    startupMs: 20_000,
    startupCpuMs: 20_000,
    wallSeconds: undefined,
  }
  /** Whether the first request to a new isolate was answered in this thread. */
  const isHere = async (pace: Pace): Promise<boolean> => {
    const answered = Promise.withResolvers<readonly unknown[]>()
    const events = {
      message: (message: readonly unknown[]) => void (message[0] === 'response' && answered.resolve(message)),
      uncaught() {},
      ended() {},
      catastrophe() {},
    }
    const guest = await Guest.start(ivm, waiting, limits, events, { pace, watch })
    const before = watch.entries
    guest.fetch({ id: 1, method: 'GET', url: 'http://localhost/', headers: '', body: null, entered() {} })
    expect((await answered.promise)[2]).toBe(200)
    const here = watch.entries > before
    guest.close()
    return here
  }
  expect([await isHere(new Pace()), await isHere(new Pace()), firstEntries.areShort]).toEqual([
    false,
    false,
    false,
  ])
  // On a busy machine an entry may look long, which begins the row anew.
  await expect.poll(() => isHere(new Pace()), { interval: 0 }).toBe(true)
  const known = new Pace()
  known.noteOutside(400_000)
  expect(await isHere(known)).toBe(false)
  firstEntries.note(3000)
  expect(await isHere(new Pace())).toBe(false)
  await watch.close()
})
