import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TempProject } from '../unit/temp-project.ts'
import { appOf, hotClient, startVite, type ViteLab, viteProject } from './vite-lab.ts'

let project: TempProject
let lab: ViteLab
const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${lab.url}${path}`, init)
const NAVIGATION = { headers: { 'sec-fetch-mode': 'navigate', accept: 'text/html,*/*' } }

beforeAll(async () => {
  project = await viteProject({ 'public/robots.txt': 'of the public folder' })
  lab = await startVite(project.dir)
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
  await project[Symbol.asyncDispose]()
})

test('a request for no file goes to the app, with its method, body and query', async () => {
  expect(await (await get('/api/hello?x=1')).json()).toMatchObject({ text: 'first', pathname: '/api/hello' })
  const posted = await get('/', { method: 'POST', body: 'x'.repeat(100_000) })
  expect(await posted.json()).toMatchObject({ method: 'POST', pathname: '/', body: 100_000 })
})
