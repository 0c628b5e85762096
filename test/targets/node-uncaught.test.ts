/** Errors that nothing catches, in a server of its own process. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import node from '../../adapters/node/index.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { PATIENCE } from '../patience.ts'
import { type TempProject, tempProject } from '../unit/temp-project.ts'

const APP = `
import { existsSync } from 'node:fs'
import { defineApp, defineBindings, kv, queue } from 'unmoor'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const opened = async () => { while (!existsSync(String(process.env.GATE))) await sleep(20) }
let boom = ''
setInterval(() => {
  const kind = boom
  boom = ''
  if (kind === 'timer') throw new Error('in a timer of a module')
  if (kind === 'rejection') void Promise.reject(new Error('rejected in a module'))
}, 10)

export default defineApp({
  bindings: defineBindings({ links: kv(), jobs: queue<string>() }),
  queues: {
    async jobs() {
      setTimeout(() => { throw new Error('in a timer of a batch') }, 5)
      await sleep(50)
      console.log('batch done')
    },
  },
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    switch (pathname) {
      case '/timer':
        setTimeout(() => { throw new Error('in a timer of a request') }, 5)
        await sleep(50)
        return new Response('answered')
      case '/twice': {
        const error = new Error('told of twice')
        ctx.waitUntil(Promise.reject(error))
        await sleep(5)
        throw error
      }
      case '/signal':
        request.signal.addEventListener('abort', () => { throw new Error('in an abort listener') })
        console.log('listening')
        await sleep(5)
        return new Promise(() => {})
      case '/cancel':
        return new Response(new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode('first;')),
          cancel() { setTimeout(() => { throw new Error('in a timer of a cancel') }, 5) },
        }))
      case '/slow':
        console.log('slow begins')
        await opened()
        return new Response('slow done')
      case '/module':
        boom = String(new URL(request.url).searchParams.get('kind'))
        return new Response('soon')
      case '/driver':
        await env.links.get('x')
        return new Response('got')
      case '/job':
        await env.jobs.send('x')
        return new Response('sent')
      default:
        return new Response('hello')
    }
  },
})
`

/** Its connection, so to say, fails by itself some time after a call. */
const DRIVER = `
export const kv = () => ({
  async get() {
    setTimeout(() => { throw new Error('in a timer of a driver') }, 5)
    return null
  },
  async put() {}, async delete() {}, async list() { return { keys: [] } },
})
`

let project: TempProject
let built: BuiltApp
let dataDir: string
const running: LocalRuntime[] = []

beforeAll(async () => {
  project = await tempProject({
    'src/app.ts': APP,
    'driver.ts': DRIVER,
    'unmoor.config.ts': `export default {
      drivers: { links: './driver.ts' },
      targets: { node: { options: { stopTimeout: 3600 } } },
    }`,
  })
  built = await buildApp({ projectDir: project.dir, target: 'node', adapter: node })
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-data-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((runtime) => runtime.stop()))
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
})

async function start(): Promise<{
  url: string
  lines: string[]
  runtime: LocalRuntime
  open: () => Promise<void>
}> {
  const lines: string[] = []
  const gate = join(dataDir, `gate-${running.length}-${Date.now()}`)
  const runtime = await node.start({
    dir: built.outDir,
    info: built.info,
    dataDir,
    port: 0,
    variables: { GATE: gate },
    onOutput: (line) => lines.push(line),
    log: { info() {}, warn() {} },
  })
  running.push(runtime)
  return { url: runtime.url, lines, runtime, open: () => writeFile(gate, '') }
}

const text = async (url: string): Promise<string> => (await fetch(url)).text()
/** Lines that tell of `message`, once there are any. */
async function told(lines: readonly string[], message: string): Promise<string[]> {
  const found = (): string[] => lines.filter((line) => line.includes(message))
  await expect.poll(() => found().length, PATIENCE).toBeGreaterThan(0)
  return found()
}

describe('an error of an event that nothing catches', () => {
  it('is logged once, with its request and its stack, and ends nothing', async () => {
    const { url, lines } = await start()
    expect(await text(`${url}/timer`)).toBe('answered')
    expect(await text(url)).toBe('hello')
    expect(await told(lines, 'in a timer of a request')).toEqual([
      `GET ${url}/timer: uncaught exception: Error: in a timer of a request`,
    ])
    expect(lines[lines.findIndex((line) => line.includes('of a request')) + 1]).toMatch(
      /^ +at .*src\/app\.ts:\d+/,
    )
  })

  it('is logged once where a handler and its waitUntil work both tell of it', async () => {
    const { url, lines } = await start()
    expect((await fetch(`${url}/twice`)).status).toBe(500)
    expect(await text(url)).toBe('hello')
    expect(await told(lines, 'told of twice')).toHaveLength(1)
  })

  it('belongs to the request whose client went away, in its abort listeners', async () => {
    const { url, lines } = await start()
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /signal HTTP/1.1\r\nHost: a\r\n\r\n')
    await told(lines, 'listening')
    socket.resetAndDestroy()
    expect((await told(lines, 'in an abort listener'))[0]).toMatch(
      /^GET http:\/\/a\/signal: uncaught exception:/,
    )
    expect(await text(url)).toBe('hello')
  })

  it('belongs to the request whose stream is cancelled, in what its cancel starts', async () => {
    const { url, lines } = await start()
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /cancel HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    socket.resetAndDestroy()
    expect((await told(lines, 'in a timer of a cancel'))[0]).toMatch(/^GET http:\/\/a\/cancel: uncaught/)
    expect(await text(url)).toBe('hello')
  })

  it('belongs to the batch of messages that began it', async () => {
    const { url, lines } = await start()
    expect(await text(`${url}/job`)).toBe('sent')
    await told(lines, 'batch done')
    expect((await told(lines, 'in a timer of a batch'))[0]).toMatch(
      /^queue jobs, messages \S+: uncaught exception:/,
    )
    expect(await text(url)).toBe('hello')
  })
})

describe('an error of no event', () => {
  it.each([
    ['a timer of a module', '/module?kind=timer', 'in a timer of a module'],
    ['a rejection of a module', '/module?kind=rejection', 'rejected in a module'],
    ['a timer of a driver', '/driver', 'in a timer of a driver'],
  ])('(%s) ends the server with code 1, once what runs has finished', async (_what, path, message) => {
    const { url, lines, runtime, open } = await start()
    const slow = text(`${url}/slow`)
    await told(lines, 'slow begins')
    await text(`${url}${path}`)
    expect((await told(lines, message))[0]).toMatch(
      /^An un\w+ \w+ of no request, message or cron. The server finishes what runs and ends: Error:/,
    )
    await open()
    expect(await slow).toBe('slow done')
    expect(await runtime.exited).toBe(1)
  })
})
