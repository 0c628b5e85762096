import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { startProject } from '../../core/tools/conformance/workers/running.ts'
import { tempProject } from './temp-project.ts'

const CONFIG = { name: 'shop', main: 'src/index.ts', compatibility_date: '2026-01-01' }

describe.each(['node', 'isolate'])('the Service Worker syntax on %s', (target) => {
  test('listeners are the handlers, bindings are global', async () => {
    await using made = await tempProject({
      'package.json': '{ "type": "module" }',
      'wrangler.json': JSON.stringify({
        ...CONFIG,
        vars: { GREETING: 'hello', SETTINGS: { on: true } },
        kv_namespaces: [{ binding: 'KV', id: 'kv' }],
        triggers: { crons: ['0 3 * * *'] },
      }),
      'src/handle.ts': `
declare const KV: { get(key: string): Promise<string>; put(key: string, value: string): Promise<void> }
declare const GREETING: string
declare const SETTINGS: { on: boolean }
const top = GREETING
addEventListener('fetch', (event: any) => {
  if (new URL(event.request.url).pathname === '/pass') return
  event.respondWith(answer(event))
})
addEventListener('fetch', (event: any) => event.respondWith(new Response('the second')))
addEventListener('scheduled', (event: any) => event.waitUntil(KV.put('cron', event.cron)))
async function answer(event: any): Promise<Response> {
  event.waitUntil(KV.put('seen', event.request.method))
  return Response.json([top, GREETING, SETTINGS.on, await KV.get('cron'), event.type])
}
`,
      'src/index.ts': "import './handle.ts'\n",
    })
    const worker = await startProject(made.dir, target, { info() {}, warn() {} }, () => {})
    try {
      await worker.runCron('0 3 * * *', Date.now())
      expect(await (await fetch(worker.url)).json()).toEqual(['hello', 'hello', true, '0 3 * * *', 'fetch'])
      expect(await (await fetch(new URL('/pass', worker.url))).text()).toBe('the second')
    } finally {
      await worker.stop()
    }
  })
})

test('mail is a warning: the Worker is built, and nothing calls it', async () => {
  await using made = await tempProject({
    'wrangler.json': JSON.stringify(CONFIG),
    'src/index.ts': `
import { EmailMessage } from 'cloudflare:email'
export default {
  fetch: () => new Response('hello'),
  async email(message: any) { await message.reply(new EmailMessage('a@b', 'c@d', 'text')) },
  tail() {},
}
`,
  })
  const warnings: string[] = []
  await buildApp({
    projectDir: made.dir,
    target: 'node',
    outDir: join(made.dir, 'out'),
    worker: 'wrangler.json',
    log: { info() {}, warn: (message) => void warnings.push(message) },
  })
  expect(warnings).toEqual([
    expect.stringMatching(/imports cloudflare:email\. No target receives or sends mail/),
    expect.stringMatching(/has the handler email\(\), which no target but Cloudflare calls/),
    expect.stringMatching(/has the handler tail\(\)/),
  ])
})
