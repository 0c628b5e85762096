/** The chat example in a browser: what its own tests cannot see, the page. */
import { existsSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Adapter, LocalRuntime } from '../../core/adapter.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { loadAdapter } from '../../core/tools/build/adapters.ts'
import { PATIENCE } from '../patience.ts'
import { checkout, tempProject, type TempProject } from '../unit/temp-project.ts'

const program = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (program === undefined)
  console.warn('skipped: "the chat example in a browser". No Chromium is installed: apt-get install chromium')

/** A port that stays while the server behind it stops and starts, as a load balancer's does. */
class Door {
  #server: Server
  #port: number | undefined

  constructor() {
    this.#server = createServer((client) => {
      client.on('error', () => {})
      if (this.#port === undefined) return client.destroy()
      const server = connect(this.#port, '127.0.0.1')
      server.on('error', () => client.destroy())
      client.on('close', () => server.destroy())
      server.on('close', () => client.destroy())
      client.pipe(server).pipe(client)
    })
  }

  async open(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  leadTo(runtime: LocalRuntime | undefined): void {
    this.#port = runtime && Number(new URL(runtime.url).port)
  }

  close(): void {
    this.#server.close()
  }
}

/** Waits until the elements under `selector` have these texts. */
async function shows(page: Page, selector: string, texts: readonly string[]): Promise<void> {
  await expect.poll(() => page.locator(selector).allTextContents(), PATIENCE).toEqual(texts)
}

async function enter(page: Page, url: string, name: string): Promise<void> {
  await page.goto(url)
  // Everything is done by the keyboard.
  await page.locator('[name=name]').focus()
  await page.keyboard.type(name)
  await page.keyboard.press('Tab')
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.type('garden')
  await page.keyboard.press('Enter')
  await connected(page)
}

async function connected(page: Page): Promise<void> {
  await expect.poll(() => page.locator('#state').getAttribute('data-state'), PATIENCE).toBe('open')
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator('#text').focus()
  await page.keyboard.type(text)
  await page.keyboard.press('Enter')
}

/** Keeps what the page says about its connection, which may be there for a moment only. */
const RECORD_STATES = `
  window.states = []
  new MutationObserver(() => states.push(document.getElementById('state').textContent))
    .observe(document.getElementById('state'), { childList: true })
`
const SAID = '#messages li:not(.pending) p'
const MARKUP = '<img src=x onerror="document.title=1"> & 👋'

describe.skipIf(program === undefined)('the chat example in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: program as string,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    })
  })
  afterAll(() => browser?.close())

  describe.each(['node', 'cloudflare', 'lambda', 'isolate'])('on %s', (target) => {
    const door = new Door()
    let [url, project, adapter]: [string, TempProject | undefined, Adapter | undefined] = [
      '',
      undefined,
      undefined,
    ]
    let built: BuiltApp
    let runtime: LocalRuntime | undefined

    async function start(): Promise<void> {
      runtime = await (adapter as Adapter).start({
        dir: built.outDir,
        info: built.info,
        dataDir: join((project as TempProject).dir, '.unmoor/data'),
        port: 0,
        variables: {},
        log: { info() {}, warn() {} },
      })
      door.leadTo(runtime)
    }
    async function stop(): Promise<void> {
      door.leadTo(undefined)
      await runtime?.stop()
      runtime = undefined
    }

    beforeAll(async () => {
      const host = await door.open()
      url = `http://${host}/`
      project = await tempProject()
      await cp(join(checkout, 'examples/chat'), project.dir, {
        recursive: true,
        filter: (source) => !source.includes('.unmoor'),
      })
      // On Lambda the sockets are on another host, so that the page's origin has to be named.
      const bindings = join(project.dir, 'src/bindings.ts')
      const source = await readFile(bindings, 'utf8')
      await writeFile(bindings, source.replace('127.0.0.1:8787', host))
      adapter = await loadAdapter(target, project.dir)
      built = await buildApp({ projectDir: project.dir, target, adapter })
      await start()
    })
    afterAll(async () => {
      await stop()
      door.close()
      if (project !== undefined) await rm(project.dir, { recursive: true, force: true, maxRetries: 10 })
    })

    it(`${target}: two tabs talk, see each other, keep the history, and come back after a restart`, async () => {
      const context = await browser.newContext({ colorScheme: 'dark' })
      try {
        const [ann, bob] = [await context.newPage(), await context.newPage()]
        const problems: string[] = []
        for (const page of [ann, bob]) {
          page.on('pageerror', (error) => problems.push(error.message))
          page.on('console', (line) => {
            if (/Content Security Policy/.test(line.text())) problems.push(line.text())
          })
        }
        await enter(ann, url, 'Ann')
        await enter(bob, url, 'Bob')
        for (const page of [ann, bob]) await shows(page, '#people li', ['Ann', 'Bob'])

        await say(ann, MARKUP)
        for (const page of [ann, bob]) await shows(page, SAID, [MARKUP])
        expect(await bob.locator('#messages img').count()).toBe(0)

        await bob.reload()
        await connected(bob)
        await shows(bob, SAID, [MARKUP])
        for (const page of [ann, bob]) await shows(page, '#people li', ['Ann', 'Bob'])

        await ann.evaluate(RECORD_STATES)
        await stop()
        const reason = adapter?.capabilities['sockets.orderlyStop']
          ? 'The server restarts. Trying again in'
          : 'The connection was lost. Trying again in'
        await expect.poll(() => ann.evaluate('states.join()'), PATIENCE).toContain(reason)
        await say(ann, 'said while the server was away')
        await shows(ann, '#messages .pending p', ['said while the server was away'])
        await start()
        for (const page of [ann, bob]) await connected(page)
        for (const page of [ann, bob]) await shows(page, SAID, [MARKUP, 'said while the server was away'])

        const background = (): Promise<string> =>
          bob.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor)
        const dark = await background()
        await bob.emulateMedia({ colorScheme: 'light' })
        expect([dark, await background()]).toEqual(['rgb(22, 22, 24)', 'rgb(255, 255, 255)'])
        await bob.setViewportSize({ width: 360, height: 640 })
        expect(await bob.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true)
        expect(problems).toEqual([])
      } finally {
        await context.close()
      }
    })
  })
})
