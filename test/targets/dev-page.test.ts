/** The page of `unmoor dev` in a browser. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PATIENCE } from '../patience.ts'
import { startUnmoor } from '../unit/cli-process.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'

const program = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (program === undefined)
  console.warn(
    'skipped: "the page of unmoor dev in a browser". No Chromium is installed: apt-get install chromium',
  )

const AXE = findAxe()
if (AXE === undefined)
  console.warn('skipped: "axe-core finds nothing ...". The package axe-core is not installed: npm ci')

function findAxe(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('axe-core/axe.min.js')
  } catch {
    return undefined
  }
}

const APP = `import { blob, defineApp, defineBindings, kv, queue, sql, variable } from 'unmoor'
export default defineApp({
  bindings: defineBindings({
    links: kv(),
    files: blob(),
    db: sql({ migrations: './migrations' }),
    mails: queue({ maxRetries: 0, deadLetterQueue: 'lost' }),
    lost: queue(),
    region: variable({ default: 'eu' }),
  }),
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/crash') process.exit(3)
    if (pathname === '/send') await env.mails.send({ to: 'someone' })
    if (pathname === '/seen') return new Response((await env.links.get('seen')) ?? 'nothing')
    console.log('said by the app at', pathname)
    return new Response('hello')
  },
  queues: {
    async mails(batch, env) {
      if ((await env.links.get('mended')) === null) throw new Error('not mended yet')
      await env.links.put('seen', JSON.stringify(batch.messages.map(({ body }) => body)))
    },
  },
  crons: {
    tidy: { schedule: '0 3 * * *', run: (_event, env) => env.links.put('tidied', 'yes') },
    broken: {
      schedule: '0 4 * * *',
      run() {
        throw new Error('as asked')
      },
    },
  },
})
`

/** Opens a view of the page by its name in the navigation. */
async function view(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name }).click()
}

async function binding(page: Page, name: string): Promise<void> {
  await view(page, 'Data')
  await page.getByRole('navigation', { name: 'Bindings' }).getByRole('link', { name }).click()
}

const notice = (page: Page): Promise<string | null> => page.locator('#notice').textContent()

describe.skipIf(program === undefined)('the page of unmoor dev in a browser', () => {
  let browser: Browser
  let project: TempProject
  let dev: ReturnType<typeof startUnmoor>
  let app: string
  let url: string

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: program as string, args: ['--no-sandbox'] })
    project = await tempProject({
      'src/app.ts': APP,
      'migrations/0001_people.sql': 'CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, photo BLOB);\n',
    })
    dev = startUnmoor(['dev', '--port', '0'], { cwd: project.dir })
    url = /http:\S+__unmoor#\S+/.exec(await dev.line('/__unmoor#'))?.[0] as string
    app = /http:\/\/[\d.:]+/.exec(await dev.line('Ctrl-C'))?.[0] as string
  })

  afterAll(async () => {
    await browser?.close()
    dev?.child.kill('SIGINT')
    const ended = await dev?.result
    await project?.[Symbol.asyncDispose]()
    if (ended?.code !== 0) throw new Error(`unmoor dev ended with ${ended?.code}: ${ended?.stderr}`)
  })

  /** Opens the page in a browser without anything of other tests; errors and refusals of the page fail the test. */
  async function open(at = url, colorScheme: 'light' | 'dark' = 'light') {
    const context = await browser.newContext({ colorScheme })
    const page = await context.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => {
      if (/Content.Security.Policy|TrustedHTML/i.test(message.text())) problems.push(message.text())
    })
    page.on('dialog', (dialog) => void dialog.accept())
    await page.goto(at)
    return {
      page,
      async [Symbol.asyncDispose]() {
        await context.close()
        expect(problems).toEqual([])
      },
    }
  }

  it('the token leaves the address bar of the page of unmoor dev, and holds over a reload', async () => {
    await using opened = await open()
    const { page } = opened
    await page.getByRole('heading', { name: 'links', exact: true }).waitFor()
    expect(page.url()).not.toContain(url.split('#')[1])
    await page.reload()
    await page.getByRole('heading', { name: 'links', exact: true }).waitFor()
  })

  it('the page of unmoor dev without its token shows what to open, and no data', async () => {
    await using opened = await open(url.split('#')[0])
    await expect.poll(() => notice(opened.page), PATIENCE).toMatch(/needs its token.*with what follows #/)
    expect(await opened.page.locator('main').textContent()).toBe('')
  })

  it('a kv entry is made, edited and deleted on the page of unmoor dev', async () => {
    await using opened = await open()
    const { page } = opened
    await binding(page, 'links')
    await page.getByRole('button', { name: 'New entry' }).click()
    await page.getByLabel('Key', { exact: true }).fill('mine/<b>')
    await page.getByLabel('Value').fill('first')
    await page.getByLabel('Metadata').fill('{"a":1}')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => notice(page), PATIENCE).toBe('mine/<b>: saved.')
    await page.reload()
    await page.getByRole('button', { name: 'mine/<b>' }).click()
    await expect.poll(() => page.getByLabel('Value').inputValue(), PATIENCE).toBe('first')
    await page.getByLabel('Value').fill('second')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => notice(page), PATIENCE).toBe('mine/<b>: saved.')
    await page.reload()
    await page.getByRole('button', { name: 'mine/<b>' }).click()
    await expect.poll(() => page.getByLabel('Value').inputValue(), PATIENCE).toBe('second')
    expect(await page.getByLabel('Metadata').inputValue()).toBe('{"a":1}')
    await page.getByRole('button', { name: 'Delete' }).click()
    await expect.poll(() => notice(page), PATIENCE).toBe('mine/<b>: deleted.')
    expect(await page.getByRole('button', { name: 'mine/<b>' }).count()).toBe(0)
  })

  it('a blob is stored, downloaded with the same bytes, and deleted on the page of unmoor dev', async () => {
    await using opened = await open()
    const { page } = opened
    await binding(page, 'files')
    const buffer = Buffer.from([0, 255, 10, 13, 60])
    await page
      .getByLabel('File', { exact: true })
      .setInputFiles({ name: 'a.bin', mimeType: 'image/x-test', buffer })
    await page.getByLabel('Key').fill('deep/a.bin')
    await page.getByRole('button', { name: 'Upload' }).click()
    await expect.poll(() => page.locator('td').allTextContents(), PATIENCE).toContain('image/x-test')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download deep/a.bin' }).click(),
    ])
    expect(download.suggestedFilename()).toBe('a.bin')
    const chunks: Buffer[] = []
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks)).toEqual(buffer)
    await page.getByRole('button', { name: 'Delete deep/a.bin' }).click()
    await expect.poll(() => page.locator('unmoor-blob').textContent(), PATIENCE).toContain('No blobs.')
  })

  it('the page of unmoor dev writes and reads sql, and shows the error of a wrong statement', async () => {
    await using opened = await open()
    const { page } = opened
    await binding(page, 'db')
    const run = async (text: string): Promise<void> => {
      await page.getByLabel('One statement of sqlite').fill(text)
      await page.getByRole('button', { name: 'Run' }).click()
    }
    const answer = page.locator('unmoor-sql [role=status]')
    await run(`INSERT INTO people (name, photo) VALUES ('Ada <i>', x'00ff'), (NULL, NULL)`)
    await expect.poll(() => answer.textContent(), PATIENCE).toContain('0 rows')
    await run('SELECT name, photo FROM people ORDER BY id')
    await expect
      .poll(() => page.locator('unmoor-sql td').allTextContents(), PATIENCE)
      .toEqual(['Ada <i>', "x'00ff'", 'NULL', 'NULL'])
    await run('SELECT missing FROM people')
    await expect.poll(() => answer.textContent(), PATIENCE).toMatch(/no such column: missing/)
    await page.getByRole('button', { name: 'Tables' }).click()
    await expect.poll(() => page.locator('unmoor-sql td').allTextContents(), PATIENCE).toContain('people')
  })

  it('a dead letter is seen, replayed once its cause is mended, and others are dropped, on the page of unmoor dev', async () => {
    await using opened = await open()
    const { page } = opened
    await fetch(`${app}/send`)
    const look = async (name: string): Promise<string | null> => {
      await page.getByRole('button', { name: 'Look again' }).click()
      await page.getByRole('heading', { name }).waitFor()
      return page.locator('unmoor-queue').textContent()
    }
    await binding(page, 'mails')
    await expect.poll(() => look('Dead letters in lost'), PATIENCE).toContain('{"to":"someone"}')
    await binding(page, 'links')
    await page.getByRole('button', { name: 'New entry' }).click()
    await page.getByLabel('Key', { exact: true }).fill('mended')
    await page.getByLabel('Value').fill('yes')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => notice(page), PATIENCE).toBe('mended: saved.')
    await binding(page, 'mails')
    await page.getByRole('button', { name: /^Replay [^a]/ }).click()
    await expect.poll(() => notice(page), PATIENCE).toBe('1 dead letter replayed to mails.')
    await expect.poll(async () => (await fetch(`${app}/seen`)).text(), PATIENCE).toBe('[{"to":"someone"}]')

    await binding(page, 'links')
    await page.getByRole('button', { name: 'mended' }).click()
    await page.getByRole('button', { name: 'Delete' }).click()
    await expect.poll(() => notice(page), PATIENCE).toBe('mended: deleted.')
    await fetch(`${app}/send`)
    await binding(page, 'mails')
    await expect.poll(() => look('Dead letters in lost'), PATIENCE).toContain('{"to":"someone"}')
    await page.getByRole('button', { name: 'Drop all dead letters' }).click()
    await expect.poll(() => notice(page), PATIENCE).toBe('lost: dropped.')
    expect(await page.locator('unmoor-queue').textContent()).not.toContain('someone')
  })

  it('a cron is run on the page of unmoor dev, and the error of another is shown', async () => {
    await using opened = await open()
    const { page } = opened
    await view(page, 'Crons')
    await page.getByRole('button', { name: 'Run now: tidy' }).click()
    await expect.poll(() => page.locator('unmoor-crons').textContent(), PATIENCE).toMatch(/done in \d+ ms/)
    await page.getByRole('button', { name: 'Run now: broken' }).click()
    await expect
      .poll(() => page.locator('unmoor-crons').textContent(), PATIENCE)
      .toMatch(/failed .* Error: as asked/)
    await binding(page, 'links')
    await page.getByRole('button', { name: 'tidied' }).waitFor()
  })

  it('the page of unmoor dev shows the requests and what the app printed, and filters both', async () => {
    await using opened = await open()
    const { page } = opened
    await fetch(`${app}/first?a=1`)
    await fetch(`${app}/second`)
    await view(page, 'Logs')
    const cells = (): Promise<string[]> => page.locator('unmoor-logs td').allTextContents()
    await expect.poll(cells, PATIENCE).toContain('/first?a=1')
    await expect
      .poll(() => page.getByRole('region', { name: 'Console' }).textContent(), PATIENCE)
      .toContain('said by the app at /second')
    await page.getByLabel('Only with the text').fill('/second')
    await expect.poll(cells, PATIENCE).not.toContain('/first?a=1')
    expect(await cells()).toContain('/second')
    expect(await page.getByRole('region', { name: 'Console' }).textContent()).not.toContain('/first')
  })

  it('the page of unmoor dev is used by keyboard alone: to a kv entry, edited and saved', async () => {
    await using opened = await open()
    const { page } = opened
    await binding(page, 'links')
    await page.getByRole('button', { name: 'List' }).waitFor()
    await page.goto(url)
    await page.getByRole('button', { name: 'List' }).waitFor()
    const keys = page.keyboard
    const focused = (): Promise<string> =>
      page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null
        return element?.textContent || element?.getAttribute('name') || ''
      })
    const tabTo = async (text: string): Promise<void> => {
      for (let steps = 0; steps < 60; steps++) {
        await keys.press('Tab')
        if ((await focused()).startsWith(text)) return
      }
      throw new Error(`no ${text} within 60 steps of Tab`)
    }
    await tabTo('New entry')
    await keys.press('Enter')
    await expect.poll(focused, PATIENCE).toBe('key')
    await keys.type('typed')
    await keys.press('Tab')
    await keys.type('by hand')
    await tabTo('Save')
    await keys.press('Space')
    await expect.poll(() => notice(page), PATIENCE).toBe('typed: saved.')
    await page.locator('.skip').focus()
    await keys.press('Enter')
    await tabTo('typed')
    await keys.press('Enter')
    await expect.poll(() => page.getByLabel('Value').inputValue(), PATIENCE).toBe('by hand')
    await expect.poll(focused, PATIENCE).toBe('value')
    await keys.press('ControlOrMeta+A')
    await keys.type('by hand again')
    await keys.press('Tab')
    await keys.press('Enter')
    await expect.poll(() => notice(page), PATIENCE).toBe('typed: saved.')
    await keys.press('Shift+Tab')
    await page.reload()
    await page.getByRole('button', { name: 'typed' }).click()
    await expect.poll(() => page.getByLabel('Value').inputValue(), PATIENCE).toBe('by hand again')
  })

  it.skipIf(AXE === undefined).each(['light', 'dark'] as const)(
    'axe-core finds nothing on the page of unmoor dev in the %s theme',
    async (theme) => {
      await using opened = await open(url, theme)
      const { page } = opened
      const check = async (where: string): Promise<void> => {
        // The page's policy lets no script of others in, so the checker is evaluated by the debugger.
        if (!(await page.evaluate(() => 'axe' in globalThis)))
          await page.evaluate(readFileSync(AXE as string, 'utf8'))
        const found = await page.evaluate<string[]>(
          `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`,
        )
        expect(found, where).toEqual([])
      }
      await binding(page, 'links')
      await page.getByRole('button', { name: 'New entry' }).click()
      await page.getByLabel('Key', { exact: true }).waitFor()
      await check('kv')
      for (const [name, text] of [
        ['files', 'Upload'],
        ['db', 'Tables'],
        ['mails', 'Look again'],
      ] as const) {
        await binding(page, name)
        await page.getByRole('button', { name: text }).waitFor()
        await check(name)
      }
      await view(page, 'Crons')
      await page.getByRole('button', { name: 'Run now: broken' }).click()
      await page.getByText('as asked').waitFor()
      await check('crons')
      await fetch(`${app}/axe`)
      await view(page, 'Logs')
      await page.getByRole('cell', { name: '/axe' }).first().waitFor()
      await check('logs')
      await view(page, 'Compare')
      await page.getByRole('button', { name: 'Send' }).waitFor()
      for (const box of await page.getByRole('checkbox').all())
        await box.setChecked((await box.inputValue()) === 'node')
      await page.getByRole('button', { name: 'Send' }).click()
      await page.getByRole('button', { name: 'Save as test' }).waitFor()
      await check('compare')
      await view(page, 'Moving')
      await page.locator('select[name=to]').selectOption('cloudflare')
      await page.getByRole('button', { name: 'Compare' }).click()
      await page.getByRole('heading', { name: 'What changes' }).waitFor()
      await check('moving')
    },
  )

  it('an app that ends while the page of unmoor dev is open is said on the page, which goes on once it is mended', async () => {
    await using opened = await open()
    const { page } = opened
    await binding(page, 'links')
    await page.getByRole('button', { name: 'List' }).waitFor()
    await fetch(`${app}/crash`).catch(() => {})
    await expect
      .poll(() => page.locator('#problem').textContent(), PATIENCE)
      .toMatch(/ended with exit code 3/)
    expect(await page.locator('#state').textContent()).toContain('not running')
    await page.getByRole('button', { name: 'List' }).click()
    await expect
      .poll(() => notice(page), PATIENCE)
      .toMatch(/Unavailable: The app is not running: .*exit code 3.*\nMend it and save/)
    await project.write({ 'src/app.ts': `${APP}\n// mended\n` })
    await expect.poll(() => page.locator('#state').textContent(), PATIENCE).toMatch(/^running on node/)
    expect(await page.locator('#problem').isVisible()).toBe(false)
    await view(page, 'Crons')
    await page.getByRole('button', { name: 'Run now: tidy' }).waitFor()
  })
})
