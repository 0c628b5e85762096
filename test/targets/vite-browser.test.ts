/** The Vite plugin as a browser meets it. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TempProject } from '../unit/temp-project.ts'
import { appOf, startVite, type ViteLab, viteProject } from './vite-lab.ts'

const program = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (program === undefined)
  console.warn('skipped: "vite dev in a browser". No Chromium is installed: apt-get install chromium')

const MAIN = `import { label } from './label.ts'
const shown = (name: string, text: string): void => {
  const element = document.querySelector('#' + name) ?? document.body.appendChild(document.createElement('p'))
  element.id = name
  element.textContent = text
}
shown('label', label)
const ask = async (): Promise<void> => shown('app', (await (await fetch('/api/hello')).json()).text)
void ask()
import.meta.hot?.accept('./label.ts', (module) => shown('label', module?.label))
import.meta.hot?.on('unmoor:update', () => void ask())
`

describe.skipIf(program === undefined)('vite dev in a browser', () => {
  let project: TempProject
  let lab: ViteLab
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    project = await viteProject({ 'web/main.ts': MAIN, 'web/label.ts': `export const label = 'first label'` })
    lab = await startVite(project.dir)
    browser = await chromium.launch({ executablePath: program as string, args: ['--no-sandbox'] })
    page = await browser.newPage()
    await page.goto(`${lab.url}/a/path/of/the/page`)
    await page.locator('#app', { hasText: 'first' }).waitFor()
    // State of the page, which a reload would lose.
    await page.evaluate(`document.body.dataset.state = 'kept'`)
  })
  afterAll(async () => {
    await browser?.close()
    await lab?.[Symbol.asyncDispose]()
    await project?.[Symbol.asyncDispose]()
  })
  const state = (): Promise<unknown> => page.evaluate('document.body.dataset.state')

  test('a change of a page is shown in place', async () => {
    await project.write({ 'web/label.ts': `export const label = 'second label'` })
    await page.locator('#label', { hasText: 'second label' }).waitFor()
    expect(await state()).toBe('kept')
  })

  test('a change of the app is heard by the page, which keeps its state', async () => {
    await project.write({ 'src/app.ts': appOf('changed') })
    await page.locator('#app', { hasText: 'changed' }).waitFor()
    expect(await state()).toBe('kept')
  })

  test('an error of the app is shown over the page until it is mended, and the page keeps its state', async () => {
    await project.write({ 'src/app.ts': `throw new Error('as planned')\n${appOf('none')}` })
    await page.locator('vite-error-overlay', { hasText: 'as planned' }).waitFor()
    expect(await page.locator('vite-error-overlay .frame').textContent()).toContain(
      `1 | throw new Error('as planned')`,
    )
    await project.write({ 'src/app.ts': appOf('mended') })
    await page.locator('#app', { hasText: 'mended' }).waitFor()
    await page.locator('vite-error-overlay').waitFor({ state: 'detached' })
    expect(await state()).toBe('kept')
  })
})
