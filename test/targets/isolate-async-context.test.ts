import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CALLBACKS } from './async-context/callbacks.ts'
import { PROMISES } from './async-context/promises.ts'
import { type Lab, startLab } from './isolate-lab.ts'

const APP = `
import { defineApp } from 'unmoor'
import { CALLBACKS } from './callbacks.ts'
import { PROMISES } from './promises.ts'
const CASES = { ...PROMISES, ...CALLBACKS }
export default defineApp({
  async fetch(request) {
    try {
      return Response.json({ value: await CASES[await request.text()]() })
    } catch (error) {
      return Response.json({ name: error?.name, message: String(error?.stack) }, { status: 299 })
    }
  },
})
`

let lab: Lab
beforeAll(async () => {
  const files: Record<string, Uint8Array> = {}
  for (const name of ['callbacks.ts', 'promises.ts', 'tools.ts'])
    files[`src/${name}`] = await readFile(new URL(`async-context/${name}`, import.meta.url))
  lab = await startLab({ app: APP, files })
})
afterAll(() => lab[Symbol.asyncDispose]())

describe('AsyncLocalStorage and AsyncResource answer as on Node:', () => {
  for (const [name, control] of Object.entries({ ...PROMISES, ...CALLBACKS })) {
    // oxlint-disable-next-line vitest/valid-title -- the table has the titles
    it(name, async () => {
      // A turn of its own: what another case entered with is over.
      const expected: unknown = await new Promise((resolve, reject) =>
        setTimeout(() => void Promise.resolve().then(control).then(resolve, reject), 0),
      )
      expect(await lab.run(name)).toEqual(JSON.parse(JSON.stringify(expected)))
    })
  }
})
