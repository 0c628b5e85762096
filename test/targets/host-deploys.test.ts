import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { buildLab, type HostLab, labApp, sendTo, startHostLab } from './host-lab.ts'

const TOKEN = 'correct horse'
let artifact: string
let broken: string
let lab: HostLab
let client: DeployClient

beforeAll(async () => {
  artifact = await buildLab(labApp('kv: kv()'))
  broken = await buildLab(
    `if (navigator.userAgent === 'unmoor') throw new Error('no start today')\n${labApp('kv: kv(), db: sql()')}`,
  )
  lab = await startHostLab({ admin: { port: 0, token: TOKEN }, maxArtifactMb: 5, keepVersions: 3 })
  client = new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await Promise.all([artifact, broken].map((dir) => rm(dir, { recursive: true, force: true })))
})

const word = (text: string): object => ({ variables: { WORD: text } })

describe('deploys', () => {
  it('serve an app that the host has never seen, then its next version, then the one before', async () => {
    expect(await lab.send('shop')).toMatchObject({ status: 404 })
    const first = await client.deploy('shop', artifact, { settings: word('first'), note: 'a' })
    expect(first).toMatchObject({ name: 'shop', version: 1, versions: [{ version: 1, note: 'a' }] })
    expect((await lab.send('shop')).text).toBe('first /')
    await lab.run('shop', `await env.kv.put('k', 'kept')`)
    expect(await client.deploy('shop', artifact, { settings: word('second') })).toMatchObject({ version: 2 })
    expect((await lab.send('shop')).text).toBe('second /')
    // Data is the app's, not the version's.
    expect(await lab.run('shop', `return await env.kv.get('k')`)).toBe('kept')
    expect(await client.rollBack('shop')).toMatchObject({ version: 1 })
    expect(await client.rollBack('shop')).toMatchObject({ version: 2 })
    await expect(client.rollBack('shop', 99)).rejects.toMatchObject({ code: 'NotFound' })
    expect((await client.list()).map(({ name }) => name)).toContain('shop')
  })

  it('lose no request, and what is under way finishes on the version that it began on', async () => {
    await client.deploy('busy', artifact, { settings: word('v0') })
    const seen = new Set<string>()
    const failed: unknown[] = []
    const going = { on: true }
    const load = Array.from({ length: 8 }, async () => {
      while (going.on) {
        const { status, text } = await lab
          .send('busy')
          .catch((error: Error) => ({ status: 0, text: error.message }))
        if (status !== 200) failed.push(text)
        else seen.add(text)
      }
    })
    const slow: Promise<unknown>[] = []
    for (let version = 1; version <= 6; version++) {
      // Each version has answered before the next one comes, and a request to it is under way until the next
      // one is there.
      await expect.poll(() => [...seen]).toContain(`v${version - 1} /`)
      slow.push(
        lab.run(
          'busy',
          `await env.kv.put('begun-${version}', 'x'); while ((await env.kv.get('go-${version}')) === null) await new Promise((resolve) => setTimeout(resolve, 20)); return env.word`,
        ),
      )
      await expect.poll(() => lab.run('busy', `return env.kv.get('begun-${version}')`)).toBe('x')
      await client.deploy('busy', artifact, { settings: word(`v${version}`) })
      // Every process serves it when the deploy is done.
      const answers = await Promise.all(Array.from({ length: 8 }, () => lab.send('busy')))
      expect(new Set(answers.map(({ text }) => text))).toEqual(new Set([`v${version} /`]))
      await lab.run('busy', `await env.kv.put('go-${version}', 'x')`)
    }
    await expect.poll(() => [...seen]).toContain('v6 /')
    going.on = false
    await Promise.all(load)
    expect(failed).toEqual([])
    expect(await Promise.all(slow)).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5'])
    expect([...seen].sort()).toEqual(['v0 /', 'v1 /', 'v2 /', 'v3 /', 'v4 /', 'v5 /', 'v6 /'])
    // Only so many versions are kept.
    expect((await client.describe('busy')).versions.map(({ version }) => version)).toEqual([7, 6, 5])
  })

  it('of one app at once all get their own version, and one of them is served', async () => {
    const deployed = await Promise.all(
      Array.from({ length: 4 }, (_, index) =>
        client.deploy('many', artifact, { settings: word(`w${index}`) }),
      ),
    )
    expect(new Set(deployed.map((one) => one.deployed))).toEqual(new Set([1, 2, 3, 4]))
    const texts = new Set(
      (await Promise.all(Array.from({ length: 8 }, () => lab.send('many')))).map(({ text }) => text),
    )
    expect(texts.size).toBe(1)
  })

  it('come back after a restart of the host', async () => {
    await using again = await startHostLab({
      admin: { port: 0, token: TOKEN },
      dataDir: join(lab.dir, 'again'),
    })
    await new DeployClient({ url: again.host.adminUrl as string, token: TOKEN }).deploy('shop', artifact, {
      settings: word('stays'),
    })
    await again.host.stop()
    await using third = await startHostLab({
      admin: { port: 0, token: TOKEN },
      dataDir: join(lab.dir, 'again'),
    })
    expect((await third.send('shop')).text).toBe('stays /')
  })
})

describe('settings', () => {
  it('change without a deploy; secrets are merged by name and never told', async () => {
    await client.deploy('set', artifact, { settings: { ...word('a'), secrets: { ONE: '1', TWO: '2' } } })
    const changed = await client.configure('set', {
      secrets: { TWO: null, THREE: '3' },
      hosts: ['set.example.com'],
      limits: { cpuMs: 50 },
    })
    expect(changed.settings).toEqual({
      variables: { WORD: 'a' },
      secrets: ['ONE', 'THREE'],
      hosts: ['set.example.com'],
      limits: { cpuMs: 50 },
    })
    expect(await sendTo(lab.host.url, '', { headers: { host: 'set.example.com' } })).toEqual({
      status: 200,
      text: 'a /',
    })
    expect((await lab.send('set')).status).toBe(404)
    expect((await client.configure('set', { hosts: null })).settings).not.toHaveProperty('hosts')
    expect((await lab.send('set')).status).toBe(200)
    // Nor are they in the database as they are.
    const database = await readFile(join(lab.dir, 'data/store/deploys.sqlite'))
    const log = await readFile(join(lab.dir, 'data/store/deploys.sqlite-wal')).catch(() => Buffer.alloc(0))
    for (const text of ['WORD', 'THREE']) expect(Buffer.concat([database, log]).includes(text)).toBe(false)
  })

  it.each([
    [{ hosts: ['not a host'] }, 'settings.hosts takes a list of host names'],
    [{ paths: ['/../x?'] }, 'settings.paths takes a list of path prefixes'],
    [{ variables: { A: 1 } }, 'settings.variables takes an object of names and texts'],
    [{ limits: { cpu: 1 } }, 'settings.limits.cpu: there is no such limit'],
    [{ nonsense: true }, 'settings.nonsense: there is no such setting'],
  ])('%j is refused', async (settings, message) => {
    await client.deploy('set', artifact)
    await expect(client.configure('set', settings)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining(message),
    })
    await expect(client.deploy('set', artifact, { settings })).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    expect((await lab.send('set')).status).toBe(200)
  })

  it('of two apps cannot ask for the same route', async () => {
    await client.deploy('route-a', artifact, { settings: { hosts: ['same.example.com'], paths: ['/same'] } })
    await expect(
      client.deploy('route-b', artifact, { settings: { hosts: ['SAME.example.com'] } }),
    ).rejects.toMatchObject({ code: 'AlreadyExists' })
    await expect(
      client.deploy('route-b', artifact, { settings: { paths: ['/same/'] } }),
    ).rejects.toMatchObject({ code: 'AlreadyExists' })
    expect((await lab.send('route-b')).status).toBe(404)
  })
})

describe('bad deploys change nothing', () => {
  beforeAll(async () => {
    await client.deploy('good', artifact, { settings: word('good') })
  })
  const stillGood = async (): Promise<void> => {
    expect((await lab.send('good')).text).toBe('good /')
    expect(await client.describe('good')).toMatchObject({ version: 1, versions: [{ version: 1 }] })
  }
  const url = (): string => `${lab.host.adminUrl}/v1/apps/good/versions`
  const send = async (
    body: FormData | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; code: string; message: string }> => {
    const response = await fetch(url(), {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    })
    return { status: response.status, ...((await response.json()) as { code: string; message: string }) }
  }
  const form = async (more: Record<string, string | Blob> = {}): Promise<FormData> => {
    const made = new FormData()
    for (const name of ['unmoor.json', 'web-api.js', 'app.js'])
      made.append(name, new Blob([await readFile(join(artifact, name))]), 'f')
    for (const [name, value] of Object.entries(more)) {
      if (typeof value === 'string') made.set(name, value)
      else made.set(name, value, 'f')
    }
    return made
  }

  it('an app that does not start', async () => {
    await expect(client.deploy('good', broken)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('no start today'),
    })
    // Nor is its database touched: migrations come after the isolate.
    await stillGood()
  })

  it('wrong tokens', async () => {
    for (const token of ['', 'wrong', `${TOKEN}x`])
      await expect(
        new DeployClient({ url: lab.host.adminUrl as string, token }).deploy('good', artifact),
      ).rejects.toMatchObject({ code: 'PermissionDenied' })
    await stillGood()
  })

  it('a wrong checksum', async () => {
    const packed = new Response(await form())
    const body = new Uint8Array(await packed.arrayBuffer())
    const digest = createHash('sha256').update('other').digest('base64')
    const type = packed.headers.get('content-type') as string
    expect(await send(body, { 'content-type': type, 'content-digest': `sha-256=:${digest}:` })).toMatchObject(
      { status: 400, code: 'ChecksumMismatch' },
    )
    // Cut off, but whole as far as HTTP goes.
    expect(await send(body.slice(0, -100), { 'content-type': type })).toMatchObject({
      status: 400,
      code: 'InvalidArgument',
    })
    await stillGood()
  })

  it('an upload whose connection is lost', async () => {
    const { hostname, port } = new URL(lab.host.adminUrl as string)
    const socket = connect(Number(port), hostname)
    const head = `POST /v1/apps/good/versions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 10000\r\n\r\n--x\r\n`
    socket.write(head, () => setTimeout(() => socket.destroy(), 50))
    await new Promise((resolve) => socket.once('close', resolve))
    await stillGood()
  })

  it('one that is too large', async () => {
    const big = new Blob([new Uint8Array(6 * 1024 * 1024)])
    expect(await send(await form({ 'assets/big': big }))).toMatchObject({
      status: 413,
      code: 'LimitExceeded',
    })
    await stillGood()
  })

  it.each([
    '../app.js',
    'assets/../../x',
    'assets//x',
    'assets/./x',
    '/etc/passwd',
    'assets\\..\\x',
    'assets/a\u0000b',
    'server.mjs',
    'assets/',
    'C:/x',
    'assets/c:x',
  ])('a file %j', async (path) => {
    expect(await send(await form({ [path]: new Blob(['x']) }))).toMatchObject({
      status: 400,
      code: 'InvalidArgument',
    })
    await stillGood()
  })

  it.each([
    ['another target', { target: 'node' }],
    [
      'bindings with paths as names',
      {
        manifest: {
          version: 1,
          name: 'x',
          bindings: { '../../shop/kv': { kind: 'kv' } },
          fetch: true,
          queues: [],
          crons: {},
        },
      },
    ],
    [
      'a dead-letter queue of another app',
      {
        manifest: {
          version: 1,
          name: 'x',
          bindings: {
            a: {
              kind: 'queue',
              maxRetries: 1,
              retryDelay: 0,
              batchSize: 1,
              batchWait: 0,
              maxConcurrency: 1,
              deadLetterQueue: '../shop/jobs',
            },
          },
          fetch: true,
          queues: [],
          crons: {},
        },
      },
    ],
    [
      'a kind that there is not',
      {
        manifest: {
          version: 1,
          name: 'x',
          bindings: { a: { kind: 'file' } },
          fetch: true,
          queues: [],
          crons: {},
        },
      },
    ],
    [
      'a driver that only the operator may name',
      { drivers: { kv: { driver: 'sqlite', path: '/etc/x.sqlite' } } },
    ],
  ])('an unmoor.json with %s', async (_what, change) => {
    const info = JSON.parse(await readFile(join(artifact, 'unmoor.json'), 'utf8')) as object
    const { status, code } = await send(
      await form({ 'unmoor.json': new Blob([JSON.stringify({ ...info, ...change })]) }),
    )
    expect([400, 403]).toContain(status)
    expect(['InvalidArgument', 'PermissionDenied']).toContain(code)
    await stillGood()
  })

  it('an artifact without its parts, names that are none, an app of the config', async () => {
    const made = await form()
    made.delete('app.js')
    expect(await send(made)).toMatchObject({ status: 400, message: expect.stringContaining('has no app.js') })
    for (const name of ['Bad', 'a b', '..%2Fx', '-x'])
      await expect(client.deploy(name, artifact)).rejects.toMatchObject({
        code: expect.stringMatching(/InvalidArgument|NotFound/),
      })
    await expect(client.rollBack('nobody')).rejects.toMatchObject({ code: 'NotFound' })
    await expect(client.remove('nobody')).rejects.toMatchObject({ code: 'NotFound' })
    await stillGood()
  })
})

describe('removal', () => {
  it('keeps the data, unless that is to go too', async () => {
    await client.deploy('gone', artifact)
    await lab.run('gone', `await env.kv.put('k', 'old')`)
    await client.remove('gone')
    expect((await lab.send('gone')).status).toBe(404)
    await expect(client.describe('gone')).rejects.toMatchObject({ code: 'NotFound' })
    // No version number comes twice.
    expect(await client.deploy('gone', artifact)).toMatchObject({ version: 2 })
    expect(await lab.run('gone', `return await env.kv.get('k')`)).toBe('old')
    await client.remove('gone', { data: true })
    await client.deploy('gone', artifact)
    expect(await lab.run('gone', `return await env.kv.get('k')`)).toBeNull()
  })
})

it('assets come along', async () => {
  const dir = join(lab.dir, 'with-assets')
  await cp(artifact, dir, { recursive: true })
  await mkdir(join(dir, 'assets/deep'), { recursive: true })
  await writeFile(join(dir, 'assets/deep/a b.txt'), 'asset')
  const info = JSON.parse(await readFile(join(dir, 'unmoor.json'), 'utf8')) as {
    manifest: { bindings: object }
    drivers: object
  }
  Object.assign(info.manifest.bindings, { files: { kind: 'assets', directory: 'x', notFound: 'none' } })
  Object.assign(info.drivers, { files: { driver: 'files' } })
  await writeFile(join(dir, 'unmoor.json'), JSON.stringify(info))
  await client.deploy('assets', dir)
  expect(await lab.send('assets', { path: '/deep/a%20b.txt' })).toEqual({ status: 200, text: 'asset' })
})
