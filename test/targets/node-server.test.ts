import { spawn } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { LocalRuntime, StartOptions } from '../../core/adapter.ts'
import node from '../../adapters/node/index.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { type TempProject, tempProject } from '../unit/temp-project.ts'

const APP = `
import { existsSync } from 'node:fs'
import { defineApp, defineBindings, queue, secret, sql, variable } from 'unmoor'

const bindings = defineBindings({ token: secret(), mode: variable({ default: '' }), db: sql({ migrations: './migrations' }), jobs: queue<string>({ maxConcurrency: 2 }) })
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
/** Resolves when the file is there that the test writes. */
const opened = async () => { while (!existsSync(String(process.env.GATE))) await sleep(20) }
if (process.env.MODE === 'broken') throw new Error('broken at import')

export default defineApp({
  bindings,
  queues: {
    async jobs(batch) {
      console.log('job begins')
      await sleep(400)
      console.log('job ends')
    },
  },
  async fetch(request, env, ctx) {
    switch (new URL(request.url).pathname) {
      case '/slow':
        console.log('slow begins')
        await opened()
        return new Response('slow done')
      case '/stream':
        return new Response(new ReadableStream({
          async pull(controller) {
            if (this.parts === 0) console.log('stream begins')
            else await opened()
            controller.enqueue(new TextEncoder().encode('part;'))
            if (++this.parts === 4) controller.close()
          },
          parts: 0,
        }))
      case '/background':
        ctx.waitUntil(opened().then(() => console.log('background done')))
        return new Response('ok')
      case '/hang':
        ctx.signal.addEventListener('abort', () => console.log('aborted: ' + ctx.signal.reason.name))
        console.log('hanging')
        return new Promise(() => {})
      case '/job':
        await env.jobs.send('x')
        return new Response('ok')
      case '/rejects':
        Promise.reject(new Error('nobody listens'))
        return new Response('ok')
      case '/rows':
        return Response.json(await env.db.all('SELECT name FROM items'))
      default:
        return new Response('hello')
    }
  },
})
`

let project: TempProject
let built: BuiltApp
/** The same app with a stop that takes an hour where something holds it up. */
let patient: BuiltApp
let dataDir: string
const running: LocalRuntime[] = []

beforeAll(async () => {
  project = await tempProject({
    'src/app.ts': APP,
    'migrations/0001_items.sql':
      "CREATE TABLE items (name TEXT PRIMARY KEY);\nINSERT INTO items VALUES ('one');",
    'unmoor.config.ts': 'export default { targets: { node: { options: { stopTimeout: 2 } } } }',
  })
  built = await buildApp({ projectDir: project.dir, target: 'node', adapter: node })
  const config = { targets: { node: { options: { stopTimeout: 3600 } } } }
  patient = await buildApp({
    projectDir: project.dir,
    target: 'node',
    adapter: node,
    config,
    outDir: join(project.dir, 'patient'),
  })
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-data-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((runtime) => runtime.stop()))
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
})

function options(more: Partial<StartOptions> = {}): StartOptions & { lines: string[] } {
  const lines: string[] = []
  return {
    dir: built.outDir,
    info: built.info,
    dataDir,
    port: 0,
    variables: { TOKEN: 't' },
    onOutput: (line) => lines.push(line),
    log: { info() {}, warn() {} },
    lines,
    ...more,
  }
}

async function start(more: Partial<StartOptions> = {}): Promise<{ runtime: LocalRuntime; lines: string[] }> {
  const startOptions = options(more)
  const runtime = await node.start(startOptions)
  running.push(runtime)
  return { runtime, lines: startOptions.lines }
}

async function until(lines: readonly string[], line: string): Promise<void> {
  await expect.poll(() => lines).toContain(line)
}

/** Resolves to true if the server takes a new connection. */
function answers({ url }: LocalRuntime): Promise<boolean> {
  return fetch(url, { headers: { connection: 'close' } }).then(
    () => true,
    () => false,
  )
}

describe('a stop', () => {
  it('lets requests, streams and waitUntil work finish, and takes no new ones', async () => {
    const gate = join(dataDir, 'gate')
    const { runtime, lines } = await start({
      dir: patient.outDir,
      info: patient.info,
      variables: { TOKEN: 't', GATE: gate },
    })
    const slow = fetch(`${runtime.url}/slow`).then((response) => response.text())
    const stream = fetch(`${runtime.url}/stream`).then((response) => response.text())
    await (await fetch(`${runtime.url}/background`)).text()
    await until(lines, 'slow begins')
    await until(lines, 'stream begins')
    const stopped = runtime.stop()
    await expect.poll(() => answers(runtime)).toBe(false)
    await writeFile(gate, '')
    expect(await slow).toBe('slow done')
    expect(await stream).toBe('part;part;part;part;')
    await stopped
    expect(lines).toContain('background done')
    expect(await runtime.exited).toBe(0)
  })

  it('lets a queue batch finish', async () => {
    const { runtime, lines } = await start()
    await (await fetch(`${runtime.url}/job`)).text()
    await until(lines, 'job begins')
    await runtime.stop()
    expect(lines).toContain('job ends')
    expect(await runtime.exited).toBe(0)
  })

  it('does not wait for idle connections', async () => {
    const { runtime } = await start({ dir: patient.outDir, info: patient.info })
    const socket = connect(Number(new URL(runtime.url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    // One that waited for it would take an hour.
    await runtime.stop()
  })

  it('cuts off what still runs at its deadline, and says so', async () => {
    const { runtime, lines } = await start()
    const hang = fetch(`${runtime.url}/hang`).catch((error: Error) => error.name)
    await until(lines, 'hanging')
    const begun = Date.now()
    await runtime.stop()
    expect(Date.now() - begun).toBeGreaterThan(1900)
    expect(await hang).toBe('TypeError')
    expect(lines).toContain('aborted: TimeoutError')
    expect(lines).toContain('Work was still running after 2 s and was cut off.')
    expect(await runtime.exited).toBe(1)
  })

  it('quits at once on a second signal', async () => {
    const { runtime, lines } = await start({ dir: patient.outDir, info: patient.info })
    void fetch(`${runtime.url}/hang`).catch(() => {})
    await until(lines, 'hanging')
    const [pid] = runtime.pids as [number]
    process.kill(pid, 'SIGINT')
    await expect.poll(() => answers(runtime)).toBe(false)
    process.kill(pid, 'SIGINT')
    expect(await runtime.exited).toBe(1)
  })

  it('comes by itself when the process that started it is gone', async () => {
    const child = spawn(process.execPath, [join(built.outDir, 'server.mjs')], {
      env: { TOKEN: 't', PORT: '0', DATA_DIR: dataDir },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    await new Promise((resolve) => child.once('message', resolve))
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.disconnect()
    expect(await exited).toBe(0)
  })
})

describe('a start', () => {
  it('applies migrations and says what runs', async () => {
    const { runtime } = await start()
    expect(runtime.runtime).toBe(`node ${process.version}`)
    expect(await (await fetch(`${runtime.url}/rows`)).text()).toContain('one')
  })

  it('fails on a port in use, naming it', async () => {
    const other: Server = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    try {
      await expect(node.start(options({ port }))).rejects.toMatchObject({
        code: 'Unavailable',
        message: expect.stringContaining(`Port ${port} on 127.0.0.1 is in use`),
      })
    } finally {
      other.close()
    }
  })

  it('fails without its secret, naming it', async () => {
    await expect(node.start(options({ variables: {} }))).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('secret "token": set TOKEN'),
    })
  })

  it('fails with the last output of a process that ended', async () => {
    await expect(node.start(options({ variables: { TOKEN: 't', MODE: 'broken' } }))).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('broken at import'),
    })
  })

  it('survives a rejection that nobody handles, with a log line', async () => {
    const { runtime, lines } = await start()
    await (await fetch(`${runtime.url}/rejects`)).text()
    expect(await (await fetch(runtime.url)).text()).toBe('hello')
    await expect.poll(() => lines.join('\n')).toContain('nobody listens')
  })

  it('needs nothing but the artifact', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'unmoor-artifact-'))
    await cp(built.outDir, dir, { recursive: true })
    const child = spawn(process.execPath, ['server.mjs'], {
      cwd: dir,
      env: { TOKEN: 't', PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const line = await new Promise<string>((resolve) =>
        child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      )
      expect(await (await fetch(/http:\S+/.exec(line)?.[0] as string)).text()).toBe('hello')
    } finally {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      expect(await exited).toBe(0)
      await rm(dir, { recursive: true, force: true })
    }
  })

  it.each([
    ['PORT', { PORT: '80x' }, [], 'PORT is "80x"'],
    ['HOST', { HOST: '203.0.113.7' }, [], '"203.0.113.7" is no address of this machine'],
    ['a command', {}, ['serf'], 'Unknown command "serf"'],
  ] as [string, Record<string, string>, string[], string][])(
    'refuses a wrong %s with a message and exit code 1',
    async (_name, env, args, message) => {
      const child = spawn(process.execPath, [join(built.outDir, 'server.mjs'), ...args], {
        env: { TOKEN: 't', DATA_DIR: dataDir, PORT: '0', ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let text = ''
      child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1)
      expect(text).toContain(`error: ${message}`)
      expect(text).not.toMatch(/ {4}at /)
    },
  )
})

describe('migrate', () => {
  it('applies what is new, once, and needs no secret for it', async () => {
    const fresh = await mkdtemp(join(tmpdir(), 'unmoor-data-'))
    try {
      expect(await node.migrate(options({ dataDir: fresh, variables: {} }))).toEqual({
        db: { applied: ['0001_items'], already: [] },
      })
      expect(await node.migrate(options({ dataDir: fresh }))).toEqual({
        db: { applied: [], already: ['0001_items'] },
      })
    } finally {
      await rm(fresh, { recursive: true, force: true })
    }
  })

  it('refuses a URL: the artifact knows its databases', async () => {
    await expect(node.migrate({ ...options(), url: 'postgres://x' })).rejects.toMatchObject({
      code: 'Unsupported',
    })
  })
})

describe('a build', () => {
  it.each([
    [{ maxBodyByte: 1 }, 'has no such option'],
    [{ maxBodyBytes: -1 }, 'whole number of bytes'],
    [{ trustProxy: 'yes' }, 'true, false, a number of proxies'],
    [{ trustProxy: ['10.0.0.0/33'] }, '"10.0.0.0/33" is no address and no range'],
    [{ keepAliveTimeout: 0 }, 'number of seconds from 1'],
    [{ maxHeaderBytes: 1.5 }, 'whole number of bytes'],
    [{ uploadTimeout: '60' }, 'number of seconds'],
    [{ cronOverlap: 'never' }, '"allow" or "skip"'],
    [{ stopTimeout: '30' }, 'number of seconds'],
  ])('refuses the options %j', async (wrong, message) => {
    await expect(
      buildApp({
        projectDir: project.dir,
        target: 'node',
        adapter: node,
        config: { targets: { node: { options: wrong } } },
      }),
    ).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining(message),
    })
  })
})
