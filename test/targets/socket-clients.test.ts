/** Clients that others wrote speak with one app on each target. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import { loadAdapter } from '../../core/tools/build/adapters.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { type TempProject, tempProject } from '../unit/temp-project.ts'
import { type Client, nodes, python, pythonProgram, ws } from './socket-clients.ts'

if (pythonProgram === undefined)
  console.warn('skipped: "python\'s websockets" as a client of sockets: apt-get install python3-websockets')

const APP = `
import { defineApp, defineBindings, sockets } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ chat: sockets({ path: '/chat', origins: ['https://example.com'] }) }),
  fetch: async (request, env) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/where') return new Response(await env.chat.url(request))
    const offered = request.headers.get('sec-websocket-protocol') ?? ''
    return env.chat.accept(request, offered.includes('v2') ? { protocol: 'v2' } : {})
  },
  sockets: {
    chat: {
      message: (socket, message) => (message === 'bye' ? socket.close(4001, 'bye, é') : socket.send(message)),
    },
  },
})
`

/** Texts at the edges of a frame's three fields of length, and of UTF-8. */
const TEXTS = [
  'a',
  'é€\u{1F600}\u0000',
  'x'.repeat(125),
  'x'.repeat(126),
  '€'.repeat(10_922),
  'x'.repeat(32_768),
]

const CLIENTS: Readonly<Record<string, Client>> = {
  "the package 'ws'": ws,
  "Node's own WebSocket": nodes,
  "python's websockets": python,
}

describe.each(['node', 'cloudflare', 'lambda', 'isolate'])('sockets on %s', (target) => {
  let project: TempProject
  let runtime: LocalRuntime
  let url: string
  let hasCloseCode: boolean

  beforeAll(async () => {
    project = await tempProject({ 'src/app.ts': APP })
    const adapter = await loadAdapter(target, project.dir)
    hasCloseCode = adapter.capabilities['sockets.closeCode']
    const { outDir, info } = await buildApp({ projectDir: project.dir, target, adapter })
    const dataDir = join(project.dir, '.unmoor/data')
    runtime = await adapter.start({
      dir: outDir,
      info,
      dataDir,
      port: 0,
      variables: {},
      log: { info() {}, warn() {} },
    })
    url = await (await fetch(`${runtime.url}/where`)).text()
  })
  afterAll(async () => {
    await runtime?.stop()
    await project?.[Symbol.asyncDispose]()
  })

  for (const [name, client] of Object.entries(CLIENTS)) {
    it(`speak with ${name}`, async ({ skip }) => {
      if (client === python && pythonProgram === undefined) skip('python3-websockets is not installed')
      const { protocol, answers, close } = await client({
        url,
        protocols: ['v1', 'v2'],
        texts: [...TEXTS, 'bye'],
      })
      expect(answers).toEqual(TEXTS)
      expect(protocol).toBe('v2')
      if (hasCloseCode) expect(close).toEqual({ code: 4001, reason: 'bye, é' })
    })
  }
})
