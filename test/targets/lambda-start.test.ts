/** The built artifact behind the local Lambda: front, environments, queues and crons. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { LocalRuntime, StartOptions } from '../../core/adapter.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'

const projectDir = resolve(import.meta.dirname, 'lambda-app')
const told: string[] = []
const log = { info: (line: string) => void told.push(line), warn(): void {} }

let dir: string
let built: BuiltApp
const lines: string[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'unmoor-lambda-'))
  built = await buildApp({ projectDir, target: 'lambda', outDir: join(dir, 'artifact') })
})
afterAll(() => rm(dir, { recursive: true, force: true }))

function start(
  change: { options?: object; variables?: Record<string, string>; port?: number } = {},
): Promise<LocalRuntime> {
  const options: StartOptions = {
    dir: built.outDir,
    info: { ...built.info, options: { ...built.info.options, ...change.options } },
    dataDir: join(dir, 'data'),
    port: change.port ?? 0,
    variables: { API_KEY: 'open sesame', ...change.variables },
    onOutput: (line) => lines.push(line),
    log,
  }
  return built.adapter.start(options)
}

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function until<T>(check: () => Promise<T | undefined | false>, seconds = 60): Promise<T> {
  for (const end = Date.now() + seconds * 1000; ;) {
    const value = await check()
    if (value) return value
    if (Date.now() > end)
      throw new Error(`not within ${seconds} s; last lines:\n${lines.slice(-20).join('\n')}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}

describe('a started app', () => {
  let app: LocalRuntime
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.stop())
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(app.url + path, init)
  const text = async (path: string, init?: RequestInit): Promise<string> => (await get(path, init)).text()
  const logged = (key: string): Promise<string> => text(`/log?key=${encodeURIComponent(key)}`)

  it('says what runs it', () => {
    expect(app.runtime).toMatch(/^unmoor lambda bootstrap on node v\d+\.\d+\.\d+$/)
    expect(app.pids.every(alive)).toBe(true)
  })

  it('gets requests as AWS makes them, and its secrets', async () => {
    const answer = (await (
      await get('/a%2Fb?x=1&x=2', {
        headers: { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'https' },
      })
    ).json()) as {
      url: string
      headers: Record<string, string>
      key: string
    }
    expect(answer).toMatchObject({ url: `${app.url}/a%2Fb?x=1&x=2`, key: 'open sesame' })
    expect(answer.headers).toMatchObject({
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
      'x-forwarded-proto': 'http',
    })
  })

  it('streams, the first chunk before the last', async () => {
    const response = await get('/stream?gate')
    const chunks: string[] = []
    // The last one is written only once the first one is here.
    for await (const chunk of response.body ?? []) {
      chunks.push(Buffer.from(chunk).toString())
      if (chunks.length === 1) await get('/note?key=streamed')
    }
    expect(chunks).toEqual(['first', 'last'])
  })

  it('breaks the connection where a body breaks off', async () => {
    await expect(text('/break')).rejects.toThrow()
    expect(await text('/pid')).toMatch(/^\d+$/)
  })

  it('runs one request per environment and starts another for the second', async () => {
    // The first is answered only once the second has been.
    const [one, two] = await Promise.all([text('/hold'), text('/open')])
    expect(one).not.toBe(two)
    expect(app.pids).toContain(Number(one))
    expect(app.pids).toContain(Number(two))
    // An idle one is taken again.
    expect([one, two]).toContain(await text('/pid'))
  })

  it('carries all byte values both ways, 4 MB included', async () => {
    const bytes = Uint8Array.from({ length: 4 * 1024 * 1024 }, (_, index) => index * 7)
    const answer = await get('/echo', { method: 'POST', body: bytes })
    expect(Buffer.compare(new Uint8Array(await answer.arrayBuffer()), bytes)).toBe(0)
  })

  it.each([5_000_000, 7_000_000])(
    'answers 413 to %d bytes of binary data: 6 MB, base64 counted',
    async (size) => {
      const answer = await get('/size', { method: 'POST', body: new Uint8Array(size) })
      expect(answer.status).toBe(413)
    },
  )

  it('takes 5 MB of text, which base64 does not inflate', async () => {
    expect(
      await text('/size', {
        method: 'POST',
        body: 'x'.repeat(5_000_000),
        headers: { 'content-type': 'text/plain' },
      }),
    ).toBe('5000000')
  })

  it('streams more than the limit of buffered answers', async () => {
    expect((await (await get('/big?bytes=8000000')).arrayBuffer()).byteLength).toBe(8_000_000)
  })

  it('keeps waitUntil work from being cut off, and the answer from waiting for it', async () => {
    expect(await text('/later')).toBe('ok')
    expect(await logged('later')).toBe('')
    await get('/note?key=answered')
    await until(async () => (await logged('later')) === 'done')
  })

  it('calls itself through a service binding, in another environment', async () => {
    expect(await text('/self')).toMatch(/^\d+$/)
  })

  it('survives an environment that ends, a throw in a timer, and a promise that nobody awaits', async () => {
    expect((await get('/exit')).status).toBe(502)
    const thrower = await text('/uncaught')
    await until(async () =>
      lines.join('\n').includes('GET /uncaught: uncaught exception: Error: thrown in a timer'),
    )
    expect(alive(Number(thrower))).toBe(true)
    const pid = await text('/reject')
    await until(async () => lines.join('\n').includes('nobody awaits this'))
    expect(alive(Number(pid))).toBe(true)
  })

  it('ends an environment that fails for no event, after its answer, and starts another', async () => {
    const pid = Number(await text('/outside'))
    await until(async () => !alive(pid))
    expect(lines.join('\n')).toMatch(/of no request, message or cron\. .*\n?.*failed for no event/)
    expect((await get('/pid')).status).toBe(200)
  })

  it('freezes what polls and has nothing to do, so that no timer fires after the answer', async () => {
    const state = async (pid: number): Promise<string> =>
      (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) (\w) .*$/s, '$1')
    const pid = Number(await text('/pid'))
    await until(async () => (await state(pid)) === 'T')
    // An event thaws it.
    expect(await text('/pid')).toMatch(/^\d+$/)
  })

  it('refuses a request without a usable host', async () => {
    const { port } = new URL(app.url)
    const status = await new Promise<number | undefined>((done) => {
      httpRequest({ port, host: '127.0.0.1', headers: { host: 'a b' } }, (response) => {
        response.resume()
        done(response.statusCode)
      }).end()
    })
    expect(status).toBe(400)
  })

  it('delivers a batch, only what failed again, and to the dead-letter queue what used up its retries', async () => {
    const jobs = [
      { name: 'good', failures: 0 },
      { name: 'once', failures: 1 },
      { name: 'never', failures: 9 },
    ]
    expect(await text('/send?queue=jobs', { method: 'POST', body: JSON.stringify(jobs) })).toBe('sent')
    const dead = await until(() => logged('dead/never'))
    const id = await logged('jobs/never/1')
    // The same message, with its attempts counted anew.
    expect(dead).toBe(`1 ${id}`)
    expect(await logged('jobs/once/2')).toBe(await logged('jobs/once/1'))
    expect(await logged('jobs/never/2')).toBe(id)
    expect(await logged('jobs/never/3')).toBe('')
    expect(await logged('jobs/good/1')).not.toBe('')
    expect(await logged('jobs/good/2')).toBe('')
  })

  it('drops what used up its retries where there is no dead-letter queue, with a log line', async () => {
    await text('/send?queue=short', { method: 'POST', body: JSON.stringify([{ name: 'x', failures: 1 }]) })
    await until(async () =>
      lines.some((line) => line.includes('queue short') && line.includes('was dropped')),
    )
  })

  it('runs a cron by its event, and passes its failure on', async () => {
    await app.runCron?.('nightly', 1_700_000_000_123)
    expect(await logged('nightly')).toBe('1700000000123')
    await expect(app.runCron?.('nightly', 0)).rejects.toThrow('not at the epoch')
    await expect(app.runCron?.('nope', 0)).rejects.toMatchObject({ code: 'NotFound' })
  })
})

describe('other settings', () => {
  let app: LocalRuntime | undefined
  afterEach(async () => {
    await app?.stop()
    app = undefined
  })

  it('kills an environment that runs into the timeout, answers 504, and serves on', async () => {
    app = await start({ options: { timeout: 5 } })
    const pid = Number(await (await fetch(`${app.url}/pid`)).text())
    expect((await fetch(`${app.url}/never`)).status).toBe(504)
    await until(async () => !alive(pid))
    expect((await fetch(`${app.url}/pid`)).status).toBe(200)
  })

  it('answers 502 to a buffered answer over 6 MB, and gives smaller ones whole', async () => {
    app = await start({ options: { invokeMode: 'BUFFERED' } })
    expect((await fetch(`${app.url}/big?bytes=5000000`)).status).toBe(502)
    expect((await (await fetch(`${app.url}/big?bytes=4000000`)).arrayBuffer()).byteLength).toBe(4_000_000)
  })

  it('stands behind an HTTP API, which decodes paths', async () => {
    app = await start({ options: { event: 'v2' } })
    const { url } = (await (await fetch(`${app.url}/a%3Fb/%2541/x%20y?q=%26`)).json()) as { url: string }
    expect(url).toBe(`${app.url}/a%3Fb/%2541/x%20y?q=%26`)
    expect((await fetch(`${app.url}/exit`)).status).toBe(500)
  })

  it('tells of each cold start, and at the end how many events met one', async () => {
    told.length = 0
    const app = await start({ options: { concurrency: 2, maxEnvironments: 2 } })
    // Each is answered once all are here, so none comes after another.
    const pids = new Set(
      await Promise.all(
        [1, 2, 3].map(async (id) => (await fetch(`${app.url}/meet?count=3&id=${id}`)).text()),
      ),
    )
    // Two at once in one environment, the third in another.
    expect(pids.size).toBe(2)
    await app.stop()
    expect(
      told.filter((line) => /^cold start: \d+ ms \(environment [12] of at most 2\)$/.test(line)),
    ).toHaveLength(2)
    expect(told.at(-1)).toBe('events: 3, of which 2 met a cold environment')
  })

  it('makes events wait where the most environments are at work', async () => {
    app = await start({ options: { maxEnvironments: 2 } })
    const pids = await Promise.all(
      Array.from({ length: 6 }, () => fetch(`${app?.url}/pid?wait=50`).then((response) => response.text())),
    )
    expect(new Set(pids).size).toBeLessThanOrEqual(2)
  })

  it('ends every process at stop, after the request at work', async () => {
    const running = await start()
    const { pids } = running
    lines.length = 0
    const slow = fetch(`${running.url}/begin`)
    await until(async () => lines.some((line) => line.includes('begun')))
    await running.stop()
    expect((await slow).status).toBe(200)
    expect(pids.length).toBeGreaterThan(0)
    expect(pids.filter(alive)).toEqual([])
    expect(await running.exited).toBe(0)
  })
})

describe('a start that fails', () => {
  it('names a missing secret', async () => {
    await expect(start({ variables: { API_KEY: undefined as never } })).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('API_KEY'),
    })
  })

  it('tells what the app threw at import', async () => {
    await expect(start({ variables: { BREAK_IMPORT: 'yes' } })).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('RangeError: the app broke at import'),
    })
  })

  it('names a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((done) => server.once('listening', done))
    const { port } = server.address() as AddressInfo
    await expect(start({ port })).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(String(port)),
    })
    server.close()
  })

  it('names an option that does not exist', async () => {
    await expect(start({ options: { memory: 1 } })).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('targets.lambda.options.memory'),
    })
  })
})
