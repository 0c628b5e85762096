import { DatabaseSync } from 'node:sqlite'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runUnmoor, startUnmoor } from './cli-process.ts'
import { tempProject } from './temp-project.ts'

const HELLO = `export default { fetch: () => new Response('hello') }\n`
const CONFIG = { name: 'shop', main: 'src/index.ts', compatibility_date: '2026-01-01' }

describe('an existing Worker on the command line', () => {
  test('what several targets refuse is told by one run', async () => {
    await using made = await tempProject({
      'src/index.ts': HELLO,
      'wrangler.json': JSON.stringify({
        ...CONFIG,
        ai: { binding: 'AI' },
        durable_objects: { bindings: [{ name: 'O', class_name: 'O' }] },
      }),
    })
    const { code, stderr } = await runUnmoor(
      ['build', '--worker', 'wrangler.json', '--target', 'node', '--target', 'lambda'],
      { cwd: made.dir },
    )
    expect(code).toBe(2)
    expect(stderr).toMatch(/for 2 reasons:\n.*ai: Workers AI.*\n.*Durable Objects \(O\)/)
  })

  test('what a bundle refuses is told once by a build of several targets', async () => {
    await using made = await tempProject({
      'src/index.ts': `export default { fetch: () => new Response(String(new WebSocketPair())) }\n`,
      'wrangler.json': JSON.stringify(CONFIG),
    })
    const { code, stderr } = await runUnmoor(
      ['build', '--worker', 'wrangler.json', '--target', 'lambda', '--target', 'isolate'],
      { cwd: made.dir },
    )
    expect(code).toBe(1)
    expect(stderr.match(/uses WebSocketPair/g)).toHaveLength(1)
  })

  test('--main takes the place of the module, and of the whole file', async () => {
    await using made = await tempProject({
      'src/index.ts': HELLO,
      'src/other.ts': `export default { fetch: () => new Response('the other') }\n`,
      'with/wrangler.json': JSON.stringify({ ...CONFIG, main: '../src/gone.ts' }),
    })
    const { child, result, line } = startUnmoor(
      ['start', '--build', '--target', 'node', '--main', 'src/other.ts', '--port', '0'],
      { cwd: made.dir },
    )
    try {
      const url = /http:\S+/.exec(await line('Ctrl-C'))?.[0] as string
      expect(await (await fetch(url)).text()).toBe('the other')
    } finally {
      child.kill('SIGINT')
    }
    expect((await result).code).toBe(0)
    expect(
      await runUnmoor(
        ['build', '--target', 'node', '--worker', 'with/wrangler.json', '--main', 'src/index.ts'],
        { cwd: made.dir },
      ),
    ).toMatchObject({ code: 0 })
  })

  test('migrate --file runs a file on a database, all of it or nothing', async () => {
    await using made = await tempProject({
      'src/index.ts': HELLO,
      'wrangler.json': JSON.stringify({
        ...CONFIG,
        d1_databases: [
          { binding: 'DB', database_id: 'db' },
          { binding: 'LOGS', database_id: 'logs' },
        ],
      }),
      'seed.sql':
        "CREATE TABLE a (x); -- the table\nINSERT INTO a VALUES (1), (2), ('a;b');\nDELETE FROM a ORDER BY x LIMIT 1;\n",
      'bad.sql': 'INSERT INTO a VALUES (9);\nINSERT INTO gone VALUES (1);\n',
    })
    const migrate = (...args: string[]): ReturnType<typeof runUnmoor> =>
      runUnmoor(['migrate', '--target', 'node', '--worker', 'wrangler.json', '--file', ...args], {
        cwd: made.dir,
      })
    expect(await migrate('seed.sql', '--database', 'DB')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('db: ran 3 statements'),
    })
    expect(await migrate('bad.sql', '--database', 'DB')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such table: gone'),
    })
    const folder = join(made.dir, '.unmoor/data/node/shop')
    const file = (await readdir(folder)).find((name) => /^sql-db.*\.sqlite$/.test(name)) as string
    using database = new DatabaseSync(join(folder, file))
    expect(database.prepare('SELECT count(*) AS n FROM a').get()).toEqual({ n: 2 })
    expect(await migrate('seed.sql')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('several databases: db, logs. Name one: --database db'),
    })
    expect(await migrate('seed.sql', '--database', 'OTHER')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no database "OTHER"'),
    })
    expect(await migrate('gone.sql', '--database', 'DB')).toMatchObject({ code: 1 })
  })

  test('unmoor test runs the tests against the Worker that --worker names', async () => {
    await using made = await tempProject({
      'src/index.ts': `export default { fetch: (_, env) => new Response(env.WORD + env.SECRET) }\n`,
      'conf/wrangler.json': JSON.stringify({
        ...CONFIG,
        main: '../src/index.ts',
        env: { other: { vars: { WORD: 'from ' } } },
      }),
      'conf/.dev.vars': 'SECRET=another\n',
      'conf/.dev.vars.other': 'SECRET=the secret\n',
      'worker.test.ts': [
        `import { startApp } from 'unmoor/testing'`,
        `import { expect, test } from 'vitest'`,
        `test('it answers', { timeout: 60_000 }, async () => {`,
        `  await using app = await startApp()`,
        `  expect(await (await app.fetch('/')).text()).toBe('from the secret')`,
        `})`,
      ].join('\n'),
    })
    const { code, stdout, stderr } = await runUnmoor(
      ['test', '-C', made.dir, '--worker', 'conf/wrangler.json', '--env', 'other', '--target', 'node'],
      { cwd: made.dir },
    )
    expect([code, stderr]).toEqual([0, expect.anything()])
    expect(stdout).toMatch(/node: passed/)
  })

  test('unmoor data and compare take a Worker as well', async () => {
    const text = `export default { fetch: async (_, env) => new Response(await env.STORE.get('key')) }\n`
    await using made = await tempProject({
      'src/index.ts': text,
      'wrangler.json': JSON.stringify({ ...CONFIG, kv_namespaces: [{ binding: 'STORE', id: 'one' }] }),
    })
    const worker = ['--worker', 'wrangler.json', '--reporter', 'json']
    const data = ['data', 'export', 'archive', '--from', 'node', '--dry-run', ...worker]
    const { code, stdout, stderr } = await runUnmoor(data, { cwd: made.dir })
    expect([code, stderr]).toEqual([0, expect.anything()])
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      dryRun: true,
      bindings: { store: { kind: 'kv', records: 0 } },
    })
    const compared = await runUnmoor(['compare', 'node', 'lambda', ...worker], { cwd: made.dir })
    expect([compared.code, compared.stderr]).toEqual([0, expect.anything()])
    expect(JSON.parse(compared.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      app: 'shop',
      from: 'node',
      to: 'lambda',
    })
  })
})

test('init --from-worker tells of each target what it makes of the whole Worker', async () => {
  const init = async (
    wrangler: object,
  ): Promise<{ code: number | null; targets: Record<string, string[]> }> => {
    await using made = await tempProject({
      'src/index.ts': `export class O {}\n${HELLO}`,
      'wrangler.json': JSON.stringify({ ...CONFIG, ...wrangler }),
    })
    const { code, stdout } = await runUnmoor([
      'init',
      '--from-worker',
      join(made.dir, 'wrangler.json'),
      '--reporter',
      'json',
    ])
    return {
      code,
      ...(JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { targets: Record<string, string[]> }),
    }
  }
  const objects = { durable_objects: { bindings: [{ name: 'O', class_name: 'O' }] } }
  expect(await init(objects)).toMatchObject({
    code: 0,
    targets: { node: [], isolate: [], lambda: [expect.stringContaining('Durable Objects (O)')] },
  })
  const refused = [expect.stringContaining('ai: '), expect.stringContaining('kv_namespaces[0].binding')]
  expect(await init({ ...objects, ai: { binding: 'AI' }, kv_namespaces: [{ binding: '' }] })).toMatchObject({
    code: 1,
    targets: { node: refused, lambda: [...refused, expect.stringContaining('Durable Objects (O)')] },
  })
})
