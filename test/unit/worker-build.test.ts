import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { startUnmoor, runUnmoor, unmoor } from './cli-process.ts'
import { tempProject, type TempProject } from './temp-project.ts'

const BASE = { name: 'shop', main: 'src/index.ts', compatibility_date: '2026-01-01' }
const HELLO = `export default { fetch: () => new Response('hello') }\n`

async function project(
  wrangler: object,
  worker: string,
  files: Record<string, string> = {},
): Promise<TempProject> {
  return tempProject({
    'src/index.ts': worker,
    'wrangler.json': JSON.stringify({ ...BASE, ...wrangler }, null, 2),
    ...files,
  })
}

function build({ dir }: TempProject, target = 'node'): ReturnType<typeof buildApp> {
  return buildApp({ projectDir: dir, target, worker: 'wrangler.json' })
}

describe('a build with --worker', () => {
  test.each([
    ['no default export', {}, 'export const a = 1\n', /no default export\. Export handlers/],
    [
      'a consumer without handler',
      { queues: { consumers: [{ queue: 'jobs' }] } },
      HELLO,
      /consumes jobs \(queues\.consumers\), but the default export has no queue\(\) handler/,
    ],
    ['crons without handler', { triggers: { crons: ['0 3 * * *'] } }, HELLO, /has no scheduled\(\) handler/],
    [
      'a class of Durable Objects that is not exported',
      { durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] } },
      HELLO,
      /"ROOM" names the class "Room", which the Worker does not export/,
    ],
    [
      'a module of Cloudflare that is not there',
      {},
      `import { x } from 'cloudflare:newer'\nexport default { fetch: () => new Response(String(x)) }\n`,
      /cloudflare:newer/,
    ],
    ['a module without exports and listeners', {}, 'console.log(1)\n', /exports nothing and listens for no/],
  ])('%s is refused by name', async (_name, wrangler, worker, message) => {
    await using made = await project(wrangler, worker)
    await expect(build(made)).rejects.toThrow(message)
  })

  test('Durable Objects are refused on Lambda by name, and Cloudflare has wrangler', async () => {
    const worker = `import { DurableObject } from 'cloudflare:workers'\nexport class Room extends DurableObject {}\n${HELLO}`
    await using made = await project(
      { durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] } },
      worker,
    )
    await expect(build(made, 'lambda')).rejects.toThrow(
      /Durable Objects \(Room\), which need one process that stays: the target "lambda" has none\. Build for node or isolate/,
    )
    await expect(build(made, 'cloudflare')).rejects.toThrow(/deploy it with wrangler/)
    expect((await build(made)).info.manifest.bindings).toMatchObject({ workerObjects: { kind: 'objects' } })
  })

  test('node:net is refused on the isolate host, with its place', async () => {
    await using made = await project(
      { compatibility_flags: ['nodejs_compat'] },
      `import net from 'node:net'\nexport default { fetch: () => new Response(String(net.isIP('::'))) }\n`,
    )
    await expect(build(made, 'isolate')).rejects.toThrow(/src\/index\.ts:1:\d+ imports "node:net"/)
  })

  test('a built-in whose functions throw on Cloudflare is a warning, not a refusal', async () => {
    await using made = await project(
      { compatibility_flags: ['nodejs_compat'] },
      `import { exec } from 'node:child_process'\nexport default { fetch: () => new Response(String(exec('ls'))) }\n`,
    )
    const warnings: string[] = []
    const log = { info() {}, warn: (text: string) => void warnings.push(text) }
    await buildApp({ projectDir: made.dir, target: 'isolate', worker: 'wrangler.json', log })
    expect(warnings.join('\n')).toMatch(
      /src\/index\.ts:1:\d+ imports "node:child_process".*throws Unsupported when it is reached/,
    )
    expect(await readFile(join(made.dir, '.unmoor/isolate/app.js'), 'utf8')).toContain('has reached it')
  })

  test('an environment is not served by the artifact of another', async () => {
    await using made = await project({ env: { staging: { vars: { MODE: 'staging' } } } }, HELLO)
    await build(made)
    const started = await unmoor(
      ['start', '--worker', 'wrangler.json', '--env', 'staging', '--target', 'node', '--port', '0'],
      { cwd: made.dir },
    )
    expect(started).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /\.unmoor\/node has "shop", not "shop-staging"\. Build that one first: add --build\./,
      ),
    })
  })

  test('what was built starts and migrates without naming the wrangler file again, with the secrets beside it', async () => {
    await using made = await project(
      { d1_databases: [{ binding: 'DB', database_id: 'db' }] },
      `export default { fetch: (request, env) => new Response(env.TOKEN) }\n`,
      { '.dev.vars': 'TOKEN=of-the-file\n', 'migrations/0001_a.sql': 'CREATE TABLE a (x);' },
    )
    await build(made)
    expect(await runUnmoor(['migrate', '--target', 'node'], { cwd: made.dir })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('applied 0001_a'),
    })
    const { child, result, line } = startUnmoor(['start', '--target', 'node', '--port', '0'], {
      cwd: made.dir,
    })
    try {
      const url = /http:\S+/.exec(await line('Ctrl-C'))?.[0] as string
      expect(await (await fetch(url)).text()).toBe('of-the-file')
    } finally {
      child.kill('SIGINT')
    }
    expect((await result).code).toBe(0)
  })

  test('the source is left alone, and a secret is in no file of the artifact', async () => {
    await using made = await project({}, HELLO, { '.dev.vars': 'TOKEN=very-secret\n' })
    const { outDir, info } = await build(made)
    expect(info.manifest.bindings['TOKEN']).toEqual({ kind: 'variable' })
    for (const file of await readdir(outDir))
      expect(await readFile(join(outDir, file), 'utf8')).not.toContain('very-secret')
    expect((await readdir(made.dir)).sort()).toEqual([
      '.dev.vars',
      '.unmoor',
      'node_modules',
      'package.json',
      'src',
      'wrangler.json',
    ])
  })

  test('a migration that fails half-way is rolled back and named', async () => {
    await using made = await project({ d1_databases: [{ binding: 'DB', database_id: 'db' }] }, HELLO, {
      'migrations/0001_good.sql': 'CREATE TABLE a (x);',
      'migrations/0002_Bad.sql': "INSERT INTO a VALUES (1);\nINSERT INTO nope VALUES ('x');",
    })
    const built = await build(made)
    const dataDir = join(made.dir, 'data')
    await mkdir(dataDir)
    const log = { info() {}, warn() {} }
    const start = built.adapter.start({
      dir: built.outDir,
      info: built.info,
      dataDir,
      port: 0,
      variables: {},
      log,
    })
    await expect(start).rejects.toThrow(
      /migration "0002_Bad" failed at statement 2 \(INSERT INTO nope VALUES.*\) and was rolled back/,
    )
    const { DatabaseSync } = await import('node:sqlite')
    using database = new DatabaseSync(join(dataDir, 'shop/sql-db.sqlite'))
    expect(database.prepare('SELECT count(*) AS n FROM a').get()).toEqual({ n: 0 })
  })
})

describe('what only Cloudflare has', () => {
  const SOCKETS = `import { connect } from 'cloudflare:sockets'\nimport { hello } from 'library'\nexport default {\n  fetch: () => (connect('db:5432'), new Response(hello())),\n}\n`
  const library = (code: string): Record<string, string> => ({
    'node_modules/library/package.json':
      '{ "name": "library", "version": "1.0.0", "type": "module", "exports": "./index.js", "sideEffects": false }',
    'node_modules/library/index.js': code,
  })
  const HELLO_LIBRARY = `import * as sockets from 'cloudflare:sockets'
export const hello = () => 'hello'
export const dial = () => sockets.connect('db:5432')
export const upgrade = () => Object.values(new WebSocketPair())
`

  test.each(['node', 'isolate', 'lambda'])('sockets are bundled for %s, in a library too', async (target) => {
    await using made = await project({}, SOCKETS, library(HELLO_LIBRARY))
    await build(made, target)
  })

  test('WebSockets are refused at the place that makes them, in a library with the way that leads there', async () => {
    const own = `export default {\n  fetch() {\n    const [client] = Object.values(new WebSocketPair())\n    return new Response(null, { status: 101, webSocket: client })\n  },\n}\n`
    await using made = await project({}, own)
    await expect(build(made, 'lambda')).rejects.toThrow(
      /src\/index\.ts:3:36 uses WebSocketPair: this target takes no WebSockets of a Worker; .*"sockets"/,
    )
    await using held = await project({}, own.replace('new WebSocketPair', 'new globalThis.WebSocketPair'))
    await expect(build(held, 'lambda')).rejects.toThrow(/src\/index\.ts:3:36 uses WebSocketPair/)
    const used = `import { upgrade } from 'library'\nexport default { fetch: () => new Response(null, { webSocket: upgrade()[0] }) }\n`
    await using far = await project({}, used, library(HELLO_LIBRARY))
    await expect(build(far, 'lambda')).rejects.toThrow(
      /node_modules\/library\/index\.js:4:\d+ uses WebSocketPair \(src\/index\.ts -> node_modules\/library\/index\.js\)/,
    )
  })

  test('what a name of its own or a question for it says is left in, with a warning', async () => {
    const warned: string[] = []
    const log = { info() {}, warn: (text: string) => void warned.push(text) }
    await using own = await project(
      {},
      `class WebSocketPair {}\nexport default { fetch: () => new Response(String(new WebSocketPair())) }\n`,
    )
    await buildApp({ projectDir: own.dir, target: 'node', worker: 'wrangler.json', log })
    expect(warned).toEqual([])
    const asks = `export default { fetch: () => new Response(typeof WebSocketPair === 'function' ? Object.keys(new WebSocketPair())[0] : 'none') }\n`
    await using asking = await project({}, asks)
    await buildApp({ projectDir: asking.dir, target: 'lambda', worker: 'wrangler.json', log })
    expect(warned.splice(0)).toEqual([
      expect.stringMatching(
        /src\/index\.ts:1:\d+ uses WebSocketPair: .* It stays, and fails where it is reached\./,
      ),
    ])
  })

  test('on node and isolate a Worker carries the module of WebSockets where it names one, and no other does', async () => {
    const own = `export default { fetch: () => new Response(String(new WebSocketPair())) }\n`
    const read = `export default { fetch: async (request) => new Response(String((await fetch(request)).webSocket)) }\n`
    for (const [code, carries] of [
      [HELLO, false],
      [own, true],
      [read, true],
    ] as const) {
      await using made = await project({}, code)
      for (const target of ['node', 'isolate']) {
        const { outDir } = await build(made, target)
        const names = await readdir(outDir, { recursive: true })
        const files = names.filter((name) => /(?:\.mjs|^app\.js)$/.test(name))
        const texts = await Promise.all(files.map((name) => readFile(join(outDir, name), 'utf8')))
        expect(texts.join('').includes('state.acceptWebSocket() on this WebSocket'), target).toBe(carries)
        // The package ws, on whichever side of the bridge it is needed.
        expect(texts.join('').includes('sec-websocket-version'), target).toBe(carries)
      }
    }
  })

  test('a name that is none is refused on the command line and in the config', async () => {
    await using made = await project({}, HELLO)
    const { stderr, code } = await runUnmoor([
      'build',
      '--worker',
      join(made.dir, 'wrangler.json'),
      '--target',
      'node',
      '--allow',
      'sockets',
    ])
    expect(code).toBe(2)
    expect(stderr).toMatch(/Allowed choices are cloudflare:sockets, WebSocketPair/)
    const config = { worker: { config: 'wrangler.json', allow: ['sockets'] } }
    await expect(buildApp({ projectDir: made.dir, target: 'node', config })).rejects.toThrow(
      /worker\.allow must be a list of names: cloudflare:sockets, WebSocketPair/,
    )
  })
})

test('unmoor init --from-worker writes a config that every command takes, and tells what differs', async () => {
  await using made = await project(
    { kv_namespaces: [{ binding: 'MY_KV', id: 'kv' }], d1_databases: [{ binding: 'DB', database_id: 'db' }] },
    'export default {\n  fetch: (request) => new Response(request.cf.country),\n}\n',
  )
  const { stdout } = await runUnmoor([
    'init',
    '--from-worker',
    join(made.dir, 'wrangler.json'),
    '--reporter',
    'json',
  ])
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    name: string
    differences: { where: string; what: string }[]
  }
  expect(result.name).toBe('shop')
  expect(result.differences.map(({ where }) => where)).toEqual(['env.DB', 'src/index.ts:2'])
  const config = await readFile(join(made.dir, 'unmoor.config.ts'), 'utf8')
  expect(config).toContain("worker: './wrangler.json'")
  expect(config).toContain('MY_KV is myKv')
  const built = await buildApp({ projectDir: made.dir, target: 'node' })
  expect(Object.keys(built.info.manifest.bindings)).toContain('myKv')
})
