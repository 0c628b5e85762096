import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { runUnmoor, startUnmoor, unmoor } from '../unit/cli-process.ts'
import { connectDebugger, type DebuggerClient } from './devtools-client.ts'
import { buildLab, type HostLab, labApp, sendTo, startHostLab } from './host-lab.ts'
import { startLab } from './isolate-lab.ts'

const SHOP = `import { defineApp, defineBindings, kv, variable } from 'unmoor'

const bindings = defineBindings({ kv: kv(), word: variable({ default: 'first' }) })

function total(prices: readonly number[]): number {
  let sum = 0
  for (const price of prices) sum += price
  return sum // line 8
}

export default defineApp({
  bindings,
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/total') return new Response(\`\${env.word} \${total([1, 2, 39])}\`)
    if (pathname === '/later') void Promise.reject(new Error('nobody waits')) // line 16
    await env.kv.put('seen', pathname)
    return new Response(\`\${env.word} \${await env.kv.get('seen')}\`)
  },
})
`
const TOKEN = 'correct horse'

let shop: string
let other: string
let dir: string
beforeAll(async () => {
  shop = await buildLab(SHOP, 'shop')
  other = await buildLab(
    labApp(
      'kv: kv(), jobs: queue()',
      `queues: { jobs: async (batch, env) => { for (const { body } of batch.messages) await env.kv.put(body, 'done') } }`,
    ),
    'other',
  )
  dir = await mkdtemp(join(tmpdir(), 'unmoor-inspect-'))
  await Promise.all([
    cp(shop, join(dir, 'apps/shop'), { recursive: true }),
    cp(other, join(dir, 'apps/other'), { recursive: true }),
  ])
})
afterAll(() =>
  Promise.all([shop, other, dir].map((path) => rm(path, { recursive: true, force: true, maxRetries: 3 }))),
)

/** Where a host has said that the debugger of an app is. */
function debuggerUrl(lines: readonly string[], app: string): string | undefined {
  return lines
    .map((line) => new RegExp(`^"${app}" lets a debugger in at (ws:\\S+)\\.`).exec(line)?.[1])
    .findLast((url) => url !== undefined)
}

interface Session {
  client: DebuggerClient
  /** Sets a breakpoint on a line of `src/app.ts`, as a debugger does: by the source map. */
  breakAt: (line: number) => Promise<void>
  /**
   * Waits for the nth stop; returns its place in the sources, and the values of the function's variables,
   * whatever the bundle calls them.
   */
  paused: (nth?: number) => Promise<{ place: string; values: unknown[] }>
}

interface CallFrame {
  location: { lineNumber: number; columnNumber: number }
  scopeChain: { type: string; object: { objectId: string } }[]
}

async function openSession(url: string): Promise<Session> {
  const client = await connectDebugger(url)
  await client.call('Debugger.enable')
  await client.event('Debugger.scriptParsed', isApp)
  // The newest of the versions that the process has run.
  const [script] = client
    .events('Debugger.scriptParsed')
    .filter(isApp)
    .sort((a, b) => Number(b['scriptId']) - Number(a['scriptId']))
  const payload = String(script?.['sourceMapURL']).replace('data:application/json;base64,', '')
  const map = new SourceMap(JSON.parse(Buffer.from(payload, 'base64').toString()) as SourceMapPayload)
  const { scriptSource } = (await client.call('Debugger.getScriptSource', {
    scriptId: script?.['scriptId'],
  })) as { scriptSource: string }
  // Lines and columns from 0, as in the protocol; a source's line from 1.
  const source = (lineNumber: number, columnNumber: number): string => {
    const entry = map.findEntry(lineNumber, columnNumber)
    return 'originalSource' in entry
      ? `${entry.originalSource.replace(/^(\.\.\/)+/, '')}:${entry.originalLine + 1}`
      : ''
  }
  return {
    client,
    async breakAt(line) {
      for (const [lineNumber, text] of scriptSource.split('\n').entries()) {
        if (text.startsWith('//# sourceMappingURL')) continue
        const columnNumber = Array.from(text).findIndex(
          (_char, column) => source(lineNumber, column) === `src/app.ts:${line}`,
        )
        if (columnNumber < 0) continue
        const set = await client.call('Debugger.setBreakpointByUrl', {
          url: 'app.js',
          lineNumber,
          columnNumber,
        })
        expect(set).toMatchObject({
          locations: expect.arrayContaining([expect.objectContaining({ lineNumber })]),
        })
        return
      }
      throw new Error(`no code of line ${line}`)
    },
    async paused(nth = 1) {
      await expect.poll(() => client.events('Debugger.paused').length).toBe(nth)
      const [frame] = (client.events('Debugger.paused')[nth - 1] as unknown as { callFrames: [CallFrame] })
        .callFrames
      const locals = frame.scopeChain
        .filter(({ type }) => type === 'local')
        .map(({ object }) => client.call('Runtime.getProperties', object))
      const found = (await Promise.all(locals)) as { result: { value?: { value?: unknown } }[] }[]
      const values = found.flatMap(({ result }) => result.map(({ value }) => value?.value))
      return { place: source(frame.location.lineNumber, frame.location.columnNumber), values }
    },
  }
}

function isApp(script: Record<string, unknown>): boolean {
  return script['url'] === 'app.js'
}

async function takePort(port = 0): Promise<Server> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}

describe('unmoor host --inspect', () => {
  it('stops at a breakpoint of a source for longer than every limit, while the other app answers', async () => {
    const config = join(dir, 'host.json')
    // An app with a process of its own is given six times stallTimeout.
    const settings = {
      processes: 1,
      stallTimeout: 2,
      stopTimeout: 2,
      limits: { cpuMs: 50, wallTimeout: 1 },
      apps: { shop: { dir: './apps/shop' } },
    }
    await writeFile(config, JSON.stringify(settings))
    const args = [
      'host',
      'apps',
      '--config',
      'host.json',
      '--port',
      '0',
      '--inspect',
      'shop:0',
      '--data-dir',
      'data-cli',
      '--reporter',
      'json',
    ]
    const { child, result, line } = startUnmoor(args, { cwd: dir })
    try {
      const said = await line('lets a debugger in')
      expect(said).toContain(
        'It runs in a process of its own, without limits and without walls: for development only.',
      )
      const { url, pids, apps } = JSON.parse(await line('"startMs"')) as {
        url: string
        pids: number[]
        apps: string[]
      }
      expect([apps.toSorted(), pids.length]).toEqual([['other', 'shop'], 2])
      expect(await sendTo(url, 'shop', { path: '/a' })).toEqual({ status: 200, text: 'first /a' })

      const { client, breakAt, paused } = await openSession(debuggerUrl([said], 'shop') as string)
      await breakAt(8)
      const answer = sendTo(url, 'shop', { path: '/total' })
      expect(await paused()).toEqual({ place: 'src/app.ts:8', values: expect.arrayContaining([42]) })

      const until = performance.now() + 13_000
      while (performance.now() < until) {
        expect(await sendTo(url, 'other')).toEqual({ status: 200, text: 'hello /' })
        await sleep(250)
      }
      // The limits of others hold.
      expect((await sendTo(url, 'other', { method: 'POST', body: 'for (;;);' })).text).toContain(
        'limit of 50 ms of CPU time',
      )
      await client.call('Debugger.resume')
      expect(await answer).toEqual({ status: 200, text: 'first 42' })
      // Both processes are those that were there.
      for (const pid of pids) process.kill(pid, 0)
      // The debugger is there still: a stop waits for nobody to close it.
      child.kill('SIGTERM')
      expect((await result).code).toBe(0)
      await client.closed
    } finally {
      child.kill('SIGKILL')
    }
  })

  describe('with deploys', () => {
    let lab: HostLab
    let admin: DeployClient
    beforeAll(async () => {
      lab = await startHostLab({ processes: 1, stopTimeout: 3600, admin: { port: 0, token: TOKEN } }, [
        { app: 'shop', port: 0 },
      ])
      admin = new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })
    })
    afterAll(() => lab?.[Symbol.asyncDispose]())

    it('waits for an app that is not there yet', async () => {
      expect(lab.lines).toContain(
        '--inspect: this host has no app "shop" yet; a debugger is let in as soon as it is deployed. It has: none.',
      )
      await admin.deploy('shop', shop)
      expect(debuggerUrl(lab.lines, 'shop')).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\//)
      expect((await lab.send('shop')).text).toBe('first /')
    })

    it('a session and its breakpoints stay where a new version comes; no other app’s code does', async () => {
      const url = debuggerUrl(lab.lines, 'shop') as string
      const { client, breakAt, paused } = await openSession(url)
      await breakAt(8)
      const before = lab.send('shop', { path: '/total' })
      await paused()
      // Others are deployed meanwhile; the new version waits until its process goes on.
      await admin.deploy('other', other)
      await lab.run('other', `await env.jobs.send('job')`)
      await expect.poll(() => lab.run('other', `return env.kv.get('job')`)).toBe('done')
      const progress = { deployed: false }
      const deploy = admin
        .deploy('shop', shop, { settings: { variables: { WORD: 'second' } } })
        .then(() => (progress.deployed = true))
      await sleep(300)
      expect(progress.deployed).toBe(false)
      await client.call('Debugger.resume')
      expect((await before).text).toBe('first 42')
      await deploy

      const after = lab.send('shop', { path: '/total' })
      await paused(2)
      await client.call('Debugger.resume')
      expect((await after).text).toBe('second 42')
      expect(debuggerUrl(lab.lines, 'shop')).toBe(url)
      expect(client.events('Debugger.scriptParsed').filter(isApp)).toHaveLength(2)
      client.close()
    })

    it('logs a rejection that nobody handled once, in the app’s sources; its process lives on', async () => {
      await lab.send('shop', { path: '/later' })
      const logged = (): string[] => lab.lines.filter((line) => line.includes('nobody waits'))
      await expect.poll(logged).toEqual(['[shop] Unhandled rejection: Error: nobody waits'])
      expect(lab.lines.join('\n')).toMatch(/nobody waits\n\s+at .*\(?src\/app\.ts:16:\d+\)?/)
      expect((await lab.send('shop')).status).toBe(200)
    })

    it('says that an artifact has no source map', async () => {
      const bare = join(dir, 'bare')
      await cp(shop, bare, { recursive: true })
      await rm(join(bare, 'app.js.map'))
      await admin.deploy('shop', bare)
      await expect
        .poll(() => lab.lines.join('\n'))
        .toContain('[shop] Its artifact has no app.js.map: a debugger shows the bundle, app.js.')
    })

    it('a process that dies is started again, and so is its debugger', async () => {
      const url = debuggerUrl(lab.lines, 'shop') as string
      process.kill(lab.host.pids[1] as number, 'SIGKILL')
      await expect.poll(() => debuggerUrl(lab.lines, 'shop')).not.toBe(url)
      expect((await lab.send('shop')).status).toBe(200)
    })

    it('an app that is removed while it stands at a breakpoint is gone, without a wait for the debugger', async () => {
      await admin.deploy('shop', shop)
      await lab.send('shop')
      const { client, breakAt, paused } = await openSession(debuggerUrl(lab.lines, 'shop') as string)
      await breakAt(8)
      const answer = lab.send('shop', { path: '/total' })
      await paused()
      // A stop that waited for the debugger would take an hour.
      await admin.remove('shop')
      expect(await answer).toMatchObject({
        status: 503,
        text: expect.stringContaining("the app's process ended"),
      })
      await client.closed
      expect(await lab.send('shop')).toMatchObject({ status: 404 })
      expect(lab.host.pids).toHaveLength(1)
    })
  })

  it('says so where the port is taken by the time that the app is deployed; the app runs', async () => {
    const server = await takePort()
    const { port } = server.address() as AddressInfo
    server.close()
    await using lab = await startHostLab({ processes: 1, admin: { port: 0, token: TOKEN } }, [
      { app: 'shop', port },
    ])
    const later = await takePort(port)
    await new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN }).deploy('shop', shop)
    expect(lab.lines.join('\n')).toContain(
      `No debugger is let in to "shop": port ${port} on 127.0.0.1 is in use by another process.`,
    )
    expect((await lab.send('shop')).text).toBe('first /')
    later.close()
  })

  it('is what unmoor start --runtime host --inspect does', async () => {
    await using lab = await startLab({ app: SHOP, isolate: { runtime: 'host' }, start: { inspectPort: 0 } })
    const { client, breakAt, paused } = await openSession(debuggerUrl(lab.lines, 'fixture') as string)
    await breakAt(8)
    const answer = fetch(`${lab.runtime.url}/total`).then((response) => response.text())
    await paused()
    await client.call('Debugger.resume')
    expect(await answer).toBe('first 42')
  })
})

describe('what --inspect refuses', () => {
  test.each<[string, string[], RegExp]>([
    [
      'an app that is not there',
      ['--inspect', 'sohp'],
      /--inspect: this host has no app "sohp"\. It has: (other, shop|shop, other)\./,
    ],
    ['what is no name', ['--inspect', 'A b'], /"A b" cannot be an app's name/],
    ['a port that is none', ['--inspect', 'shop:70000'], /A port is a whole number from 0 to 65535/],
    ['a colon without a port', ['--inspect', 'shop:'], /A port is a whole number from 0 to 65535/],
    [
      'a port without an app',
      ['--inspect', ':9230'],
      /It takes the name of an app and, if need be, a port: --inspect shop:9230/,
    ],
    ['an app twice', ['--inspect', 'shop:0', '--inspect', 'shop:0'], /"shop" is named twice/],
    [
      'a port twice',
      ['--inspect', 'shop:19229', '--inspect', 'other:19229'],
      /port 19229 for "other" is the debugger's of "shop" already\. Name another: --inspect other:PORT\./,
    ],
    [
      "the host's own port",
      ['--port', '19230', '--inspect', 'shop:19230'],
      /port 19230 for "shop" is the host's own port already/,
    ],
    [
      'a host beside another',
      ['--share-port', '--inspect', 'shop:0'],
      /Leave --share-port out, and stop that host first\./,
    ],
    ['a guard', ['--config', 'guarded.json', '--inspect', 'shop:0'], /Leave "guard" out\./],
  ])('%s', async (_name, args, message) => {
    await writeFile(join(dir, 'guarded.json'), JSON.stringify({ guard: { permission: true } }))
    const answer = await runUnmoor(['host', 'apps', '--data-dir', 'data-refused', ...args], { cwd: dir })
    expect(answer.stderr).toMatch(message)
    expect(answer.code).toBe(2)
  })

  test('a port in use', async () => {
    const server = await takePort()
    const { port } = server.address() as AddressInfo
    const answer = await unmoor(['host', 'apps', '--data-dir', 'data-refused', '--inspect', `shop:${port}`], {
      cwd: dir,
    })
    expect(answer).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `port ${port} on 127.0.0.1 is in use by another process. Name another: --inspect shop:PORT.`,
      ),
    })
    server.close()
  })
})
