/** The views Compare and Moving of the page of `unmoor dev`, in a browser. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PATIENCE, WHOLE_SUITE } from '../patience.ts'
import { startUnmoor, unmoor } from '../unit/cli-process.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'

const program = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (program === undefined)
  console.warn(
    'skipped: "Compare on the page of unmoor dev". No Chromium is installed: apt-get install chromium',
  )

const APP = `import { defineApp, defineBindings, kv } from 'unmoor'

export default defineApp({
  bindings: defineBindings({ hits: kv() }),
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/engine') {
      const engine = navigator.userAgent.startsWith('Cloudflare') ? 'workerd' : 'another'
      return new Response('made by ' + engine, { headers: { 'x-engine': engine } })
    }
    if (pathname === '/count') {
      const count = Number((await env.hits.get('count')) ?? '0') + 1
      await env.hits.put('count', String(count))
      return new Response(request.method + ' ' + count + ' ' + (await request.text()))
    }
    return Response.json({ id: crypto.randomUUID(), at: new Date().toISOString(), same: true })
  },
})
`

/** A target whose start needs a package that nobody has installed. */
const BROKEN = `export default {
  name: 'broken',
  capabilities: {},
  nodeBuiltins: 'all',
  conditions: ['node'],
  defaultDrivers: { kv: { driver: 'memory' } },
  build: (context) => context.write('empty.txt', ''),
  start: () => import('a-package-that-is-not-installed'),
  migrate: async () => ({}),
}
`

describe.skipIf(program === undefined)('Compare on the page of unmoor dev', () => {
  let browser: Browser
  let project: TempProject
  let dev: ReturnType<typeof startUnmoor>
  let page: Page

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: program as string, args: ['--no-sandbox'] })
    project = await tempProject({
      'src/app.ts': APP,
      'broken.mjs': BROKEN,
      'unmoor.config.mjs': `export default { targets: { broken: { adapter: './broken.mjs' } } }`,
    })
    dev = startUnmoor(['dev', '--port', '0'], { cwd: project.dir })
    const url = /http:\S+__unmoor#\S+/.exec(await dev.line('/__unmoor#'))?.[0] as string
    await dev.line('Ctrl-C')
    page = await browser.newPage()
    await page.goto(url)
    await page.getByRole('link', { name: 'Compare' }).click()
  })

  afterAll(async () => {
    await browser?.close()
    dev?.child.kill('SIGINT')
    const ended = await dev?.result
    const left = existsSync(join(project.dir, '.unmoor/compare'))
    await project?.[Symbol.asyncDispose]()
    if (ended?.code !== 0 || left)
      throw new Error(`unmoor dev ended with ${ended?.code}, data left: ${left}\n${ended?.stderr}`)
  })

  const result = (): Promise<string> => page.locator('unmoor-compare').innerText()

  async function send(method: string, path: string, targets: readonly string[], body = ''): Promise<void> {
    await page.getByLabel('Method').selectOption(method)
    await page.getByLabel('Path').fill(path)
    await page.getByLabel('Body').fill(body)
    for (const box of await page.getByRole('checkbox').all())
      await box.setChecked(targets.includes(await box.inputValue()))
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('h3').first().waitFor({ timeout: 170_000 })
  }

  it('a difference between two runtimes is marked, in header and body', async () => {
    await send('GET', '/engine', ['node', 'cloudflare'])
    expect(await result()).toContain('Different: header x-engine, body')
    const marked = await page.locator('td mark').allTextContents()
    expect(marked).toEqual(['another', 'workerd', 'made by another', 'made by workerd'])
    expect(await result()).toContain('Known differences between node and cloudflare that concern this app')
  })

  it(
    'answers that differ by date and id only count as the same, and a test saved of them passes',
    async () => {
      await send('GET', '/', ['node', 'cloudflare'])
      await expect.poll(result, PATIENCE).toContain('2 answers are the same')
      for (const name of ['test/page-1.test.ts', 'test/page-2.test.ts']) {
        await page.getByRole('button', { name: 'Save as test with the answer of node' }).click()
        await expect.poll(() => page.locator('#notice').textContent(), PATIENCE).toContain(`${name}: written`)
      }
      expect(await readFile(join(project.dir, 'test/page-1.test.ts'), 'utf8')).toContain(
        `"{\\"id\\":\\"<id>\\",\\"at\\":\\"<date>\\",\\"same\\":true}"`,
      )
      const run = (): ReturnType<typeof unmoor> =>
        unmoor(['test', '--target', 'node', '--target', 'cloudflare'], { cwd: project.dir })
      expect(await run()).toMatchObject({ code: 0 })
      await project.write({ 'src/app.ts': APP.replace('same: true', 'same: false') })
      expect((await run()).code).toBe(1)
      await project.write({ 'src/app.ts': APP })
    },
    WHOLE_SUITE.timeout,
  )

  it('a POST is handled once by each runtime, each on data of its own', async () => {
    const bodies = (): Promise<string[]> => page.locator('td pre').allTextContents()
    await send('POST', '/count', ['node', 'cloudflare'], 'x')
    await expect.poll(bodies, PATIENCE).toEqual(['POST 1 x', 'POST 1 x'])
    await send('POST', '/count', ['node', 'cloudflare'], 'y')
    await expect.poll(bodies, PATIENCE).toEqual(['POST 2 y', 'POST 2 y'])
    await page.getByRole('button', { name: 'Remove the data' }).click()
    await expect.poll(() => page.locator('#notice').textContent(), PATIENCE).toContain('without data')
    await send('POST', '/count', ['node'], 'z')
    await expect.poll(bodies, PATIENCE).toEqual(['POST 1 z'])
  })

  it('a runtime whose package is not installed is named with the command that installs it', async () => {
    await send('GET', '/', ['node', 'broken'])
    await expect
      .poll(result, PATIENCE)
      .toContain(
        'broken did not answer: The target "broken" needs the package a-package-that-is-not-installed',
      )
    expect(await result()).toContain('Run: npm install a-package-that-is-not-installed')
  })

  it('Moving shows what changes for the app on another target, with its lines', async () => {
    await page.getByRole('link', { name: 'Moving' }).click()
    await page.locator('select[name=to]').selectOption('cloudflare')
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.getByRole('heading', { name: 'What changes from node to cloudflare' }).waitFor()
    expect(await page.locator('unmoor-moving').textContent()).toMatch(/src\/app\.ts:\d+/)
    await page.getByRole('link', { name: 'Compare' }).click()
  })
})
