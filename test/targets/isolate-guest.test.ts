import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { Guest, type GuestImage } from '../../adapters/isolate/runtime/guest.ts'
import { Image, type Sources } from '../../adapters/isolate/runtime/image.ts'
import { loadIsolatedVm } from '../../adapters/isolate/runtime/isolated-vm.ts'
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
    async runApp(isolate, context, timeout) {
      void image.runApp(isolate, context, timeout).catch(() => {})
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
