import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Log } from '../../core/adapter.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { checkApp } from '../../core/tools/check/check.ts'
import { readWorker, type WorkerProject } from '../../core/tools/build/worker/worker.ts'
import { tempProject } from './temp-project.ts'

const PAGES = { name: 'site', compatibility_date: '2026-07-01', pages_build_output_dir: './dist' }
const SITE = { 'dist/index.html': 'home' }
const SCRIPT = "addEventListener('fetch', (event) => event.respondWith(new Response(TEXT)))\n"

async function read(
  config: object,
  files: Record<string, string>,
  options: { environment?: string; compile?: boolean } = {},
): Promise<{ worker: WorkerProject; warnings: string[] }> {
  await using project = await tempProject({ 'wrangler.jsonc': JSON.stringify(config, null, 2), ...files })
  const warnings: string[] = []
  const log: Log = { info() {}, warn: (message) => void warnings.push(message) }
  const file = join(project.dir, 'wrangler.jsonc')
  return { worker: await readWorker({ file, projectDir: project.dir, log, ...options }), warnings }
}

async function refusal(config: object, files: Record<string, string> = SITE): Promise<string> {
  const error = await read(config, files).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ name: 'UnmoorError' })
  return (error as Error).message
}

describe('a Pages project', () => {
  test('what Pages does not take is refused together, each with its line and another way', async () => {
    const message = await refusal({
      ...PAGES,
      main: 'src/index.ts',
      site: { bucket: './dist' },
      triggers: { crons: ['* * * * *'] },
      queues: { consumers: [{ queue: 'q' }] },
      workflows: [{ name: 'w', binding: 'W', class_name: 'W' }],
      env: { staging: {} },
    })
    expect(message).toMatch(/for 6 reasons/)
    expect(message).toMatch(/wrangler\.jsonc:5, main: .*_worker\.js in its output folder/)
    expect(message).toMatch(/:6, site: .*output folder/)
    expect(message).toMatch(/triggers: .*a Worker of their own/)
    expect(message).toMatch(/queues\.consumers: .*consumes no queues/)
    expect(message).toMatch(/workflows: Workflows run on Cloudflare only/)
    expect(message).toMatch(/env\.staging: .*preview and production/)
  })

  test('its environments are one project, and take the place of the variables', async () => {
    const { worker } = await read(
      { ...PAGES, vars: { A: 'top' }, env: { production: { vars: { A: 'own' } } } },
      SITE,
      { environment: 'production' },
    )
    expect(worker.name).toBe('site')
    expect(worker.spec.env['A']).toMatchObject({ value: 'own' })
    expect(worker.spec.env['CF_PAGES']).toMatchObject({ value: '1' })
  })

  test('a folder that is not there says to build the site', async () => {
    expect(await refusal(PAGES, {})).toMatch(/pages_build_output_dir: there is no folder .*builds the site/)
  })

  test.each([
    ['{', /_routes\.json:1: it is no JSON/],
    ['{ "version": 2, "include": ["/*"], "exclude": [] }', /version is 1/],
    ['{ "version": 1, "include": [], "exclude": [] }', /include has no path/],
    [
      '{ "version": 1,\n "include": ["api/*"],\n "exclude": [] }',
      /_routes\.json:2: "api\/\*" does not begin/,
    ],
    [
      '{ "version": 1,\n "include": ["/a/*",\n "/a/b"], "exclude": [] }',
      /:3: "\/a\/b" is a part of "\/a\/\*"/,
    ],
    [
      JSON.stringify({ version: 1, include: [`/${'x'.repeat(100)}`], exclude: [] }),
      /longer than 100 characters/,
    ],
    [
      JSON.stringify({ version: 1, include: Array.from({ length: 101 }, (_, at) => `/${at}`), exclude: [] }),
      /more than 100 paths/,
    ],
  ])('a _routes.json that wrangler refuses is refused: %s', async (text, reason) => {
    const files = { ...SITE, 'dist/_worker.js': 'export default {}\n', 'dist/_routes.json': text }
    expect(await refusal(PAGES, files)).toMatch(reason)
  })

  test('a line of _redirects that wrangler leaves out is told of', async () => {
    const { worker, warnings } = await read(PAGES, {
      ...SITE,
      'dist/_redirects': '/* /index.html 200\n/a/:x/:x /b\n/ok /b\n/s /t 999\n',
    })
    expect(warnings.map((text) => /_redirects:\d/.exec(text)?.[0])).toEqual([
      '_redirects:1',
      '_redirects:2',
      '_redirects:4',
    ])
    expect(worker.spec.assets?.pages?.redirects).toHaveLength(1)
  })

  test('the artifact has no file that a deploy of Pages would hide, also where the project is the site', async () => {
    await using project = await tempProject({
      'wrangler.jsonc': JSON.stringify({ ...PAGES, pages_build_output_dir: '.' }),
      'index.html': 'home',
      'sub/page.html': 'a page',
      'sub/functions/kept.txt': 'kept',
      '_worker.js/index.js': 'export default { fetch: () => new Response("x") }\n',
      _headers: '/x\n  a: b\n',
      _redirects: '/a /b\n',
      '_routes.json': '{ "version": 1, "include": ["/api/*"], "exclude": [] }',
      'functions/secret.js': 'export const onRequest = () => new Response("x")\n',
      'sub/node_modules/x.js': 'x',
      '.dev.vars': 'SECRET=x\n',
      'unmoor.config.ts': 'export default {}\n',
    })
    const warnings: string[] = []
    const { outDir } = await buildApp({
      projectDir: project.dir,
      target: 'node',
      worker: 'wrangler.jsonc',
      log: { info() {}, warn: (message) => void warnings.push(message) },
    })
    const files = await readdir(join(outDir, 'assets'), { recursive: true, withFileTypes: true })
    const names = files.filter((one) => one.isFile()).map(({ name }) => name)
    expect(names.toSorted()).toEqual(
      ['index.html.htm', 'kept.txt', 'package.json', 'page.html.htm', 'wrangler.jsonc'].toSorted(),
    )
    expect(warnings.join('\n')).toMatch(/the folder holds the project itself/)
    expect(warnings.join('\n')).toMatch(
      /functions is left out, as _worker\.js\/index\.js is the project's code/,
    )
  })
})

describe('functions of a Pages project', () => {
  const FUNCTIONS = { ...SITE, 'functions/a.js': 'export const onRequest = () => new Response("a")\n' }

  test('what wrangler refuses is told with what the config refuses, in its own words', async () => {
    const message = await refusal(
      { ...PAGES, triggers: { crons: [] }, main: 'x.js' },
      { ...FUNCTIONS, 'functions/b.js': 'import "./gone.js"\nexport const onRequest = () => {}\n' },
    )
    expect(message).toMatch(/for 2 reasons/)
    expect(message).toMatch(/pages_build_output_dir: wrangler does not compile the folder functions:/)
    expect(message.match(/Could not resolve "\.\/gone\.js"/g)).toHaveLength(1)
    expect(message).not.toMatch(/Logs were written/)
  })

  test('what a target lacks is refused by the line of the function', async () => {
    await using project = await tempProject({
      'wrangler.jsonc': JSON.stringify(PAGES),
      ...FUNCTIONS,
      'functions/ws.ts': '\nexport const onRequest = () => { new WebSocketPair() }\n',
    })
    await expect(
      buildApp({ projectDir: project.dir, target: 'lambda', worker: 'wrangler.jsonc' }),
    ).rejects.toThrow(/^.*\n\s+functions\/ws\.ts:2:34 uses WebSocketPair: /)
  })

  test('the files of a plugin are refused by the line of their import', async () => {
    await using project = await tempProject({
      'wrangler.jsonc': JSON.stringify(PAGES),
      ...SITE,
      'files/a.txt': 'a',
      'functions/files/[[path]].js': '// a plugin\nexport { onRequest } from "assets:../../files"\n',
    })
    await expect(
      buildApp({ projectDir: project.dir, target: 'node', worker: 'wrangler.jsonc' }),
    ).rejects.toThrow(/\[\[path\]\]\.js:2 imports "assets:\.\.\/\.\.\/files": .*env\.ASSETS/)
  })

  test('whoever only has an artifact needs no wrangler', async () => {
    const { worker } = await read(PAGES, FUNCTIONS, { compile: false })
    expect(worker.functions).toBeUndefined()
    expect(worker.main).toMatch(/functions\.mjs$/)
  })

  test('unmoor check reads them, also where the folder is named in place of the file', async () => {
    await using project = await tempProject({
      'wrangler.jsonc': JSON.stringify({ ...PAGES, build: { command: 'x' } }),
      ...FUNCTIONS,
    })
    const { findings } = await checkApp({ projectDir: project.dir, worker: '.', targets: ['node'] })
    expect(findings.map(({ file, rule }) => [file, rule])).toEqual([['wrangler.jsonc', 'worker-config']])
  })
})

describe('Workers Sites and the blobs of the Service Worker syntax', () => {
  const SITES = {
    name: 'old',
    main: 'index.js',
    compatibility_date: '2026-07-01',
    site: { bucket: './dist' },
  }
  const FILES = { ...SITE, 'index.js': SCRIPT }

  test('the key of a file tells of its content', async () => {
    const first = await read(SITES, FILES)
    const { manifest = {} } = first.worker.spec.site ?? {}
    expect(manifest).toMatchObject({ 'index.html': expect.stringMatching(/^index\.[0-9a-f]{10}\.html$/) })
    const second = await read(SITES, { ...FILES, 'dist/index.html': 'another' })
    expect(second.worker.spec.site?.manifest['index.html']).not.toBe(manifest['index.html'])
  })

  test('site.entry-point names the module where main does not', async () => {
    const { main, ...more } = SITES
    const site = { ...SITES.site, 'entry-point': 'workers-site' }
    const { worker } = await read({ ...more, site }, { ...SITE, 'workers-site/index.js': SCRIPT })
    expect(worker.main).toMatch(/workers-site\/index\.js$/)
    expect(main).toBe('index.js')
  })

  test('what does not hold is refused with its line', async () => {
    expect(await refusal({ ...SITES, assets: { directory: './dist' } }, FILES)).toMatch(
      /site: a Worker has a site or assets, not both/,
    )
    expect(await refusal({ ...SITES, site: { bucket: './gone' } }, FILES)).toMatch(
      /site\.bucket: there is no folder .*Build the site first/,
    )
    expect(await refusal({ ...SITES, site: { bucket: './dist', include: 'x' } }, FILES)).toMatch(
      /site\.include: it is a list of patterns/,
    )
  })

  test('blobs are refused for modules, and files that are none, all together', async () => {
    const config = {
      name: 'blobs',
      main: 'index.js',
      compatibility_date: '2026-07-01',
      wasm_modules: { W: './text.txt', GONE: './gone.wasm' },
      text_blobs: { TEXT: './text.txt' },
    }
    const script = await refusal(config, { 'index.js': SCRIPT, 'text.txt': 'x' })
    expect(script).toMatch(/wasm_modules\.W: .* is no WebAssembly/)
    expect(script).toMatch(/wasm_modules\.GONE: there is no file/)
    const module = await refusal(config, { 'index.js': 'export default {}\n', 'text.txt': 'x' })
    expect(module).toMatch(/wasm_modules: a Worker of ES modules has no such key\. Import the \.wasm file/)
    expect(module).toMatch(/text_blobs: a Worker of ES modules has no such key\. Import the file/)
  })
})

test('a site in a folder that is made later is found', async () => {
  await using project = await tempProject({ 'wrangler.jsonc': JSON.stringify(PAGES) })
  await mkdir(join(project.dir, 'dist'))
  await writeFile(join(project.dir, 'dist', 'index.html'), 'home')
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'node', worker: 'wrangler.jsonc' })
  expect(await readdir(join(outDir, 'assets'))).toEqual(['index.html.htm'])
})
