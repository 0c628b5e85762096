import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { AppCode, TookTooLongHere } from '../../adapters/isolate/runtime/app-code.ts'
import { Guest, type GuestImage } from '../../adapters/isolate/runtime/guest.ts'
import { Image, type Sources } from '../../adapters/isolate/runtime/image.ts'
import { InlineWatch } from '../../adapters/isolate/runtime/inline-watch.ts'
import { loadIsolatedVm } from '../../adapters/isolate/runtime/isolated-vm.ts'
import { Pace } from '../../adapters/isolate/runtime/pace.ts'
import { buildLab } from './host-lab.ts'

const APP = `
import { defineApp } from 'unmoor'
console.log('loading')
export default defineApp({ fetch: () => new Response('hello') })
`

let sources: Sources

beforeAll(async () => {
  const dir = await buildLab(APP)
  const [webApi, app] = await Promise.all(['web-api.js', 'app.js'].map((file) => readFile(join(dir, file), 'utf8')))
  sources = { webApi: webApi as string, app: app as string }
  await rm(dir, { recursive: true, force: true })
}, 60_000)

it('an app whose last words while it is loaded take it over its limit has not started: else its requests would wait for an isolate that is gone', async () => {
  const { ivm } = await loadIsolatedVm()
  let isOver = false
  const limits = {
    memoryMb: 128,
    cpuMs: 1000,
    startupMs: 20_000,
    wallSeconds: undefined,
    // It says this along with its being ready.
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
    message: ([operation]) => {
      if (operation === 'log') isOver = true
    },
    uncaught() {},
    ended() {},
    catastrophe() {},
  })
  await expect(guest).rejects.toMatchObject({ ended: 'startup' })
})

it('code that has started in a short time runs in the host’s thread, and never again once it held that up', async () => {
  const { ivm } = await loadIsolatedVm()
  const code = new AppCode('const until = Date.now() + (globalThis.slow ?? 0)\nwhile (Date.now() < until);\nglobalThis.done = true')
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
  await expect.poll(() => run(true), { interval: 0, timeout: 20_000 }).toBeGreaterThan(0)
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
  const limits = { memoryMb: 128, cpuMs: 1000, startupMs: 20_000, startupCpuMs: 20_000, wallSeconds: undefined }
  const events = { message() {}, uncaught() {}, ended: (error: unknown) => void ends.push(error), catastrophe() {} }
  const guest = await Guest.start(ivm, failing, limits, events, { pace: new Pace(), watch })
  expect([tries, ends]).toEqual([[true, false], []])
  guest.close()
  await watch.close()
})
