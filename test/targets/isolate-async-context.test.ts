import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CASES } from './async-context-cases.ts'
import { type Lab, startLab } from './isolate-lab.ts'

const APP = `
import { defineApp } from 'unmoor'
import { CASES } from './cases.ts'
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
  const cases = await readFile(new URL('async-context-cases.ts', import.meta.url))
  lab = await startLab({ app: APP, files: { 'src/cases.ts': cases } })
})
afterAll(() => lab[Symbol.asyncDispose]())

describe('AsyncLocalStorage and AsyncResource answer as on Node:', () => {
  for (const [name, control] of Object.entries(CASES)) {
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
