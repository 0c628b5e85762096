import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TempProject } from '../unit/temp-project.ts'
import { appOf, hotClient, navigate, startVite, type ViteLab, viteProject } from './vite-lab.ts'

let project: TempProject
let lab: ViteLab
const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${lab.url}${path}`, init)

let early: Awaited<ReturnType<typeof navigate>>

beforeAll(async () => {
  project = await viteProject({
    'public/robots.txt': 'of the public folder',
    '.env.local': 'UNDECLARED=secret',
  })
  lab = await startVite(project.dir)
  early = await navigate(`${lab.url}/settings/early`)
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
  await project[Symbol.asyncDispose]()
})

test('a page load that comes before the first build gets the page', () => {
  expect(early).toMatchObject({ status: 200, body: expect.stringContaining('the page') })
})

test('a request for no file goes to the app, with its method, body and query', async () => {
  expect(await (await get('/api/hello?x=1')).json()).toMatchObject({ text: 'first', pathname: '/api/hello' })
  const posted = await get('/', { method: 'POST', body: 'x'.repeat(100_000) })
  expect(await posted.json()).toMatchObject({ method: 'POST', pathname: '/', body: 100_000 })
})

test('files, modules and pages are answered by Vite, as the assets of a built app are', async () => {
  expect(await (await get('/')).text()).toContain('/@vite/client')
  expect(await (await get('/web/main.ts')).text()).toContain('/web/label.ts')
  expect(await (await get('/robots.txt')).text()).toBe('of the public folder')
  expect((await get('/@vite/client')).headers.get('content-type')).toContain('javascript')
  const redirected = await get('/index.html?a=b', { redirect: 'manual' })
  expect([redirected.status, redirected.headers.get('location')]).toEqual([307, '/?a=b'])
})

test('a page load of a path without a file gets the page, and any other request of it gets the app', async () => {
  expect(await navigate(`${lab.url}/settings/profile`)).toMatchObject({
    status: 200,
    type: expect.stringContaining('text/html'),
    body: expect.stringContaining('the page'),
  })
  expect(await (await get('/settings/profile')).json()).toMatchObject({ pathname: '/settings/profile' })
})

test('a path that only looks like a module of the page goes to the app', async () => {
  // Vite resolves /web/main to web/main.ts.
  expect(await (await get('/web/main')).json()).toMatchObject({ pathname: '/web/main' })
  expect(await (await get('/data/report.json')).json()).toMatchObject({ pathname: '/data/report.json' })
  expect(await (await get('/missing.js')).json()).toMatchObject({ pathname: '/missing.js' })
  expect(await (await get('/@alice')).json()).toMatchObject({ pathname: '/@alice' })
  expect(await (await get('/api/preview?url=http://a.test')).json()).toMatchObject({
    pathname: '/api/preview',
  })
  expect(await (await get('/api/file-list?raw')).json()).toMatchObject({ pathname: '/api/file-list' })
})

test('the app answers its own preflights, and its answers have no headers of Vite', async () => {
  const origin = 'http://localhost:1'
  const preflight = await get('/api/hello', {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT' },
  })
  expect(await preflight.json()).toMatchObject({ method: 'OPTIONS' })
  const answer = await get('/api/hello', { headers: { origin } })
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  expect(
    (await get('/web/main.ts', { headers: { origin } })).headers.get('access-control-allow-origin'),
  ).toBe(origin)
})

test('the assets binding of the app has what Vite serves', async () => {
  const file = async (path: string): Promise<Response> => get(`/api/file?path=${encodeURIComponent(path)}`)
  expect(await (await file('/robots.txt')).text()).toBe('of the public folder')
  expect(await (await file('/')).text()).toContain('/@vite/client')
  expect(await (await file('/no/such/page')).text()).toContain('the page')
})

test('local data and secrets of the project are not served', async () => {
  await get('/api/note', { method: 'PUT', body: 'kept' })
  const own = [
    '/.unmoor/node-dev/unmoor.json',
    '/%2eunmoor/node-dev/unmoor.json',
    '/x/../.unmoor/node-dev/unmoor.json',
  ]
  for (const path of [...own, `/@fs${join(project.dir, '.unmoor/node-dev/server.mjs')}`, '/.env.local']) {
    const answer = await get(path)
    expect([path, answer.status]).toEqual([path, 403])
    await answer.body?.cancel()
  }
})

test('a change of the app replaces it, keeps its data, and neither reloads nor updates pages', async () => {
  await get('/api/note', { method: 'PUT', body: 'kept' })
  const client = await hotClient(lab)
  await writeFile(join(project.dir, 'src/app.ts'), appOf('second'))
  await expect.poll(() => client.heard.filter(({ event }) => event === 'unmoor:update').length).toBe(1)
  expect(await (await get('/api/hello')).json()).toMatchObject({ text: 'second' })
  expect(await (await get('/api/note')).text()).toBe('kept')
  expect(client.heard.map(({ type }) => type).filter((type) => type !== 'connected')).toEqual(['custom'])
  client.close()
})

test('a change of a page updates the module in place, and does not replace the app', async () => {
  await get('/web/main.ts').then((answer) => answer.text())
  await get('/web/label.ts').then((answer) => answer.text())
  const client = await hotClient(lab)
  const builds = (): number => lab.log.filter((line) => line.includes('building the app again')).length
  const before = builds()
  await project.write({
    'web/label.ts': `export const label = 'changed'\nif (import.meta.hot) import.meta.hot.accept()\n`,
  })
  await expect
    .poll(() => client.heard.find(({ type }) => type === 'update')?.updates)
    .toMatchObject([{ path: '/web/label.ts' }])
  // A change of the app comes through the same watcher, after it.
  await project.write({ 'src/app.ts': appOf('third') })
  await expect.poll(() => client.heard.some(({ event }) => event === 'unmoor:update')).toBe(true)
  expect(builds() - before).toBe(1)
  client.close()
})

test('an app that throws at its start is told with the place in its source, and mended in place', async () => {
  const client = await hotClient(lab)
  await project.write({
    'src/start.ts': `export function start(): void {\n  throw new Error('no such port')\n}\n`,
    'src/app.ts': `import { start } from './start.ts'\nstart()\n${appOf('fourth')}`,
  })
  await expect
    .poll(() => client.heard.find(({ type }) => type === 'error')?.err)
    .toMatchObject({
      message: expect.stringMatching(/^src\/app\.ts throws when it is imported.*no such port/),
      loc: { file: join(project.dir, 'src/start.ts'), line: 2, column: 9 },
      frame: expect.stringContaining(`2 |   throw new Error('no such port')`),
    })
  // A page that is opened now is told too.
  const late = await hotClient(lab)
  await expect.poll(() => late.heard.some(({ type }) => type === 'error')).toBe(true)
  await project.write({ 'src/app.ts': appOf('fifth') })
  await expect.poll(() => late.heard.at(-1)).toMatchObject({ event: 'unmoor:update' })
  // The empty update takes the overlay away, and nothing reloads the page.
  expect(client.heard.map(({ type }) => type).slice(-4)).toEqual(['update', 'error', 'update', 'custom'])
  expect(client.heard.some(({ type }) => type === 'full-reload')).toBe(false)
  expect(await (await get('/api/hello')).json()).toMatchObject({ text: 'fifth' })
  client.close()
  late.close()
})

test('a module of page and app that is broken, and mended, is built again', async () => {
  const shared = 'export const shared = '
  await project.write({
    'src/shared.ts': `${shared}'one'`,
    'web/main.ts': `import { shared } from '../src/shared.ts'\ndocument.title = shared\n`,
    'src/app.ts': `import { shared } from './shared.ts'\n${appOf('shared')}console.log(shared)\n`,
  })
  const text = async (): Promise<unknown> => (await (await get('/api/hello')).json()) as unknown
  await expect.poll(text).toMatchObject({ text: 'shared' })
  // Vite knows the module from now on.
  for (const path of ['/web/main.ts', '/src/shared.ts']) await (await get(path)).text()
  const client = await hotClient(lab)
  const heard = (type: string): number => client.heard.filter((message) => message.type === type).length
  await project.write({ 'src/shared.ts': `${shared}+*` })
  await expect.poll(() => client.heard.some(({ err }) => err?.message.includes('does not build'))).toBe(true)
  const before = heard('custom')
  await project.write({ 'src/shared.ts': `${shared}'two'` })
  await expect.poll(() => heard('custom')).toBe(before + 1)
  client.close()
})

test('a restart of Vite hands the app over', async () => {
  await get('/api/note', { method: 'PUT', body: 'before the restart' })
  await lab.server.restart()
  await expect
    .poll(async () => (await get('/api/note').catch(() => undefined))?.text())
    .toBe('before the restart')
  await project.write({ 'src/app.ts': appOf('after') })
  await expect
    .poll(async () => (await (await get('/api/hello')).json()) as unknown)
    .toMatchObject({ text: 'after' })
})

test('an app that has never run shows its error on the page, and answers with it', async () => {
  await using broken = await viteProject({ 'src/app.ts': 'export default 1 +* 1' })
  await using other = await startVite(broken.dir)
  expect((await navigate(`${other.url}/some/page`)).body).toContain('the page')
  const client = await hotClient(other)
  await expect
    .poll(() => client.heard.find(({ type }) => type === 'error')?.err)
    .toMatchObject({
      message: expect.stringContaining('The app does not build'),
      loc: { file: join(broken.dir, 'src/app.ts'), line: 1, column: 19 },
    })
  expect((await fetch(`${other.url}/api`)).status).toBe(503)
  client.close()
})
