/** The documentation site as it is built, and in a browser. Its packages come from npm's registry. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../checks/package.ts'
import { PATIENCE, WHOLE_SUITE } from '../patience.ts'

const program = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (program === undefined)
  console.warn('skipped: "the site in a browser". No Chromium is installed: apt-get install chromium')

/** Runs Node in the checkout. Returns its exit code and all that it printed. */
function node(...args: string[]): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, output: stdout + stderr }),
    )
  })
}

let work: string
let site: string
let built: Awaited<ReturnType<typeof node>>
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'unmoor-docs-'))
  site = join(work, 'site')
  built = await node('.docs/build/main.ts', '--check', '--out', site)
}, WHOLE_SUITE.timeout)
afterAll(() => rm(work, { recursive: true, force: true }))

it('the site is built, and its check finds no problem', () => {
  expect(built.output).toMatch(/\d{3} pages, \d{5} internal links, \d+ searches, 0 problems/)
  expect(built.code).toBe(0)
})

describe('the check of the site finds', () => {
  const GUIDE = 'guides/auth.html'
  const faults: readonly (readonly [what: string, file: string, from: string, to: string, told: string])[] = [
    ['a link without its file', GUIDE, 'href="secrets.html"', 'href="secret.html"', 'leads to no file'],
    [
      'a link without its element',
      GUIDE,
      'href="secrets.html"',
      'href="secrets.html#no"',
      'leads to no element',
    ],
    ['a link to the root of a server', GUIDE, 'href="secrets.html"', 'href="/secrets.html"', 'at the root'],
    ['a script in a page', GUIDE, '</main>', '<script>alert(1)</script></main>', 'has a script'],
    ['a style in a page', GUIDE, '<main ', '<main style="color: red" ', 'has a style'],
    ['a handler in an attribute', GUIDE, '<main ', '<main onclick="go()" ', 'has a handler'],
    [
      'a page without the policy',
      GUIDE,
      "script-src 'self'",
      "script-src 'unsafe-inline'",
      'has not the policy',
    ],
    ['a script of another host', GUIDE, '../assets/theme.js', 'https://example.com/a.js', 'another host'],
    ['a page that llms.txt leaves out', 'llms.txt', '](guides/auth.md)', '](guides/no.md)', 'guides/auth.md'],
    [
      'a guide that is not found first',
      'assets/search-index.json',
      '"guides/auth.html"',
      '"x"',
      '"auth" finds x',
    ],
  ]
  it.each(faults)('%s', async (_, file, from, to, told) => {
    const copy = await mkdtemp(join(work, 'copy-'))
    await cp(site, copy, { recursive: true })
    const text = await readFile(join(copy, file), 'utf8')
    expect(text).toContain(from)
    await writeFile(join(copy, file), text.replace(from, to))
    const { output } = await check(copy)
    expect(output).toContain(told)
  })

  it('a page without a twin', async () => {
    const copy = await mkdtemp(join(work, 'copy-'))
    await cp(site, copy, { recursive: true })
    await rm(join(copy, 'guides/auth.md'))
    expect((await check(copy)).output).toContain('there is no guides/auth.md')
  })

  const check = (out: string): ReturnType<typeof node> =>
    node(
      '--input-type=module',
      '--eval',
      `import { checkSite } from './.docs/build/check.ts'
      console.log(checkSite(${JSON.stringify(ROOT)}, ${JSON.stringify(out)}).problems.join('\\n'))`,
    )
})

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
}
/** Where the site lies on the server: no page may count on the root. */
const BASE = '/some/place/'

/** A file server. Answers 404 to what is not below the base. */
async function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split(/[?#]/)[0] ?? ''
    const file = join(site, path.slice(BASE.length))
    readFile(path.startsWith(BASE) ? file : '').then(
      (body) => response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'text/plain' }).end(body),
      () => response.writeHead(404).end(),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

describe.skipIf(program === undefined)('the site in a browser', () => {
  let server: Server
  let browser: Browser
  let origin: string
  beforeAll(async () => {
    server = await serve()
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await chromium.launch({
      executablePath: program as string,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    })
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  /** Opens a page, and notes what it says on the console, and each request elsewhere or that failed. */
  async function open(context: BrowserContext, path: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(origin) && !url.startsWith('data:')) complaints.push(url)
    })
    page.on('response', (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
    })
    await page.goto(origin + BASE + path)
    return { page, complaints }
  }

  it('a search by keyboard alone leads to a guide, and loads the index when it begins', async () => {
    const context = await browser.newContext()
    const { page, complaints } = await open(context, 'api/unmoor/kysely.html')
    const loaded: string[] = []
    page.on('request', (request) => loaded.push(new URL(request.url()).pathname))
    const field = page.getByRole('combobox', { name: 'Search the documentation' })
    await field.waitFor()
    expect(loaded).toEqual([])
    await page.keyboard.press('/')
    await page.keyboard.type('rate limi')
    const options = page.getByRole('option')
    await expect
      .poll(
        () =>
          options
            .first()
            .textContent()
            .catch(() => ''),
        PATIENCE,
      )
      .toBe('Rate limits')
    expect(loaded).toEqual([`${BASE}assets/search-index.json`])
    expect(await field.getAttribute('aria-expanded')).toBe('true')
    // Down and up again: the field names the chosen option to screen readers.
    await page.keyboard.press('ArrowDown')
    expect(await field.getAttribute('aria-activedescendant')).toBe('hit-1')
    expect(await options.nth(1).getAttribute('aria-selected')).toBe('true')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.url(), PATIENCE).toBe(`${origin}${BASE}guides/rate-limits.html`)
    expect(await page.textContent('h1')).toContain('Rate limits')
    expect(complaints).toEqual([])
    await context.close()
  })

  it('a search says that it found nothing, and Escape ends it', async () => {
    const context = await browser.newContext()
    const { page } = await open(context, 'guides/index.html')
    await page.keyboard.press('/')
    await page.keyboard.type('qqqzzz')
    await expect.poll(() => page.getByRole('status').textContent(), PATIENCE).toBe('Nothing has "qqqzzz".')
    await page.keyboard.press('Escape')
    expect(await page.getByRole('combobox').inputValue()).toBe('')
    expect(await page.getByRole('status').textContent()).toBe('')
    await context.close()
  })

  it('the theme that a reader chose stays on other pages', async () => {
    const context = await browser.newContext({ colorScheme: 'light' })
    const { page } = await open(context, 'index.html')
    const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    const light = await ground()
    await page.getByRole('button', { name: 'Dark' }).click()
    const dark = await ground()
    expect(dark).not.toBe(light)
    await page.goto(`${origin}${BASE}guides/auth.html`)
    expect(await ground()).toBe(dark)
    await context.close()
  })

  describe.each(['light', 'dark'] as const)('in the theme %s', (colorScheme) => {
    it.each([
      'index.html',
      'guides/index.html',
      'guides/auth.html',
      'api/index.html',
      'api/unmoor/build.html',
    ])(`axe-core finds nothing on %s, also with hits of a search (${colorScheme})`, async (path) => {
      const context = await browser.newContext({ colorScheme })
      const { page, complaints } = await open(context, path)
      await page.keyboard.press('/')
      await page.keyboard.type('queue')
      await page.getByRole('option').first().waitFor()
      await page.evaluate(await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8'))
      const violations = await page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))',
      )
      expect([violations, complaints]).toEqual([[], []])
      await context.close()
    })
  })
})
