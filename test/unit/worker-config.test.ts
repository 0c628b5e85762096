import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Log } from '../../core/adapter.ts'
import { HONOURED, REFUSED, WARNED, WITHOUT_MEANING } from '../../core/tools/build/wrangler/keys.ts'
import { readWorker, type WorkerProject } from '../../core/tools/build/worker/worker.ts'
import { tempProject } from './temp-project.ts'

const BASE = { name: 'shop', main: 'src/index.ts', compatibility_date: '2026-01-01' }

/** Reads a wrangler file of that content; `file` is its name. */
async function read(
  config: object | string,
  options: {
    file?: string
    environment?: string
    files?: Record<string, string>
    targets?: string[]
    main?: string
  } = {},
): Promise<{ worker: WorkerProject; warnings: string[] }> {
  const file = options.file ?? 'wrangler.jsonc'
  const text = typeof config === 'string' ? config : JSON.stringify(config, null, 2)
  await using project = await tempProject({
    'src/index.ts': 'export default {}\n',
    [file]: text,
    ...options.files,
  })
  const warnings: string[] = []
  const log: Log = { info() {}, warn: (message) => void warnings.push(message) }
  const worker = await readWorker({
    file: join(project.dir, file),
    environment: options.environment,
    targets: options.targets,
    main: options.main === undefined ? undefined : join(project.dir, options.main),
    projectDir: project.dir,
    log,
  })
  return { worker, warnings }
}

async function refusal(config: object | string, options: Parameters<typeof read>[1] = {}): Promise<string> {
  const error = await read(config, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ name: 'UnmoorError' })
  return (error as Error).message
}

describe('a wrangler file', () => {
  test('its bindings become declarations under names of unmoor', async () => {
    const { worker } = await read(
      {
        ...BASE,
        kv_namespaces: [
          { binding: 'MY_KV', id: 'one' },
          { binding: 'SAME', id: 'one' },
        ],
        r2_buckets: [{ binding: 'FILES', bucket_name: 'files' }],
        d1_databases: [{ binding: 'DB', database_id: 'db' }],
        queues: {
          producers: [{ binding: 'JOBS', queue: 'jobs' }],
          consumers: [{ queue: 'jobs', max_batch_size: 5, dead_letter_queue: 'jobs-dead' }],
        },
        triggers: { crons: ['*/5 * * * *', '0 0 * * 1', '0 12 * * 2-6', '5/10 * * * *'] },
        vars: { MODE: 'a', LIMITS: { most: 3 } },
        secrets: { required: ['TOKEN'] },
        services: [{ binding: 'SELF', service: 'shop', entrypoint: 'Admin' }],
      },
      { files: { 'migrations/0001_Init.sql': 'create table t (id)', '.dev.vars': 'API_KEY=x\n' } },
    )
    const { spec } = worker
    expect(spec.env).toMatchObject({
      MY_KV: { type: 'kv', binding: 'myKv' },
      SAME: { type: 'kv', binding: 'myKv' },
      FILES: { type: 'r2', binding: 'files', uploads: 'filesUploads' },
      DB: { type: 'd1', binding: 'db' },
      JOBS: { type: 'queue', binding: 'jobs' },
      MODE: { type: 'var', value: 'a' },
      LIMITS: { type: 'var', value: '{"most":3}', json: true },
      TOKEN: { type: 'var', binding: 'TOKEN' },
      API_KEY: { type: 'var', binding: 'API_KEY' },
      SELF: { type: 'service', self: true, entrypoint: 'Admin' },
    })
    expect(spec.declarations).toMatchObject({
      db: { kind: 'sql', checks: 'engine', migrations: 'migrations' },
      jobs: { kind: 'queue', batchSize: 5, batchWait: 5, deadLetterQueue: 'jobsDead' },
      jobsDead: { kind: 'queue' },
      MODE: { kind: 'variable', default: 'a' },
      TOKEN: { kind: 'variable' },
    })
    expect(spec.consumers).toEqual({ jobs: 'jobs' })
    expect(Object.values(spec.crons)).toEqual([
      { schedule: '*/5 * * * *', cron: '*/5 * * * *' },
      { schedule: '0 0 * * SUN', cron: '0 0 * * 1' },
      { schedule: '0 12 * * MON-FRI', cron: '0 12 * * 2-6' },
      { schedule: '5-59/10 * * * *', cron: '5/10 * * * *' },
    ])
    // The value of a secret stays out of what an artifact is made of.
    expect(JSON.stringify(worker)).not.toContain('"x"')
    expect(worker.drivers).toEqual({
      db: { driver: 'sqlite', integers: 'round', doubleQuotedStrings: true, allows: 'd1' },
    })
  })

  test('in TOML, and in JSON with comments', async () => {
    const { worker } = await read(
      'name = "shop"\nmain = "src/index.ts"\n[vars]\nMODE = "a"\n[[kv_namespaces]]\nbinding = "KV"\nid = "x"\n',
      {
        file: 'wrangler.toml',
      },
    )
    expect(worker.spec.env).toMatchObject({ KV: { binding: 'kv' }, MODE: { value: 'a' } })
    const json = await read('{\n  // a comment\n  "name": "My_Shop", "main": "src/index.ts",\n}')
    expect(json.worker.name).toBe('my-shop')
  })

  test('an environment inherits what wrangler lets it, and bindings it has of its own', async () => {
    const config = {
      ...BASE,
      vars: { MODE: 'top' },
      kv_namespaces: [{ binding: 'KV', id: '1' }],
      triggers: { crons: ['0 3 * * *'] },
      env: { staging: { vars: { MODE: 'staging' } }, live: {} },
    }
    const { worker } = await read(config, { environment: 'staging' })
    expect(worker.spec.env).toEqual({ MODE: expect.objectContaining({ value: 'staging' }) })
    expect(worker.spec.name).toBe('shop-staging')
    expect(Object.keys(worker.spec.crons)).toHaveLength(1)
    const top = await read(config)
    expect(top.warnings).toEqual([
      expect.stringMatching(
        /^wrangler\.jsonc:\d+, env: the top level is built\. .*--env staging or --env live/,
      ),
    ])
    expect(await refusal(config, { environment: 'prod' })).toMatch(
      /no environment "prod"\. Environments: staging, live/,
    )
  })

  test.each([
    [
      'an entry of a list of tables',
      '[[kv_namespaces]]\nbinding = "A"\nid = "a"\n[[kv_namespaces]]\nbinding = ""\nid = "b"\n',
      8,
      'kv_namespaces[1].binding',
    ],
    [
      'what is missing: the line of what should hold it',
      '[[kv_namespaces]]\nid = "a"\n\n[[kv_namespaces]]\nbinding = "B"\n',
      4,
      'kv_namespaces[0].binding',
    ],
    [
      'an inline list over several lines',
      'kv_namespaces = [\n  { binding = "A", id = "a" }, # ]\n  { binding = 7, id = "b" },\n]\n',
      6,
      'kv_namespaces[1].binding',
    ],
    [
      'a list of a table',
      '[queues]\nproducers = [\n  { binding = "J", queue = "" },\n]\n',
      6,
      'queues.producers[0].queue',
    ],
    [
      'a list of tables within a table',
      '[[queues.producers]]\nbinding = "J"\nqueue = ""\n',
      6,
      'queues.producers[0].queue',
    ],
    [
      'dotted keys',
      'vars.MODE = "a"\nqueues.producers = [{ binding = "J", queue = "" }]\n',
      5,
      'queues.producers[0].queue',
    ],
    [
      'after texts over several lines',
      "[vars]\nTEXT = '''\n[[kv_namespaces]]\nbinding = 1\n'''\n[[kv_namespaces]]\nid = 'a'\n",
      9,
      'kv_namespaces[0].binding',
    ],
  ])('TOML: %s', async (_name, text, line, key) => {
    const message = await refusal(
      `name = "shop"\nmain = "src/index.ts"\ncompatibility_date = "2026-01-01"\n${text}`,
      { file: 'wrangler.toml' },
    )
    expect(message).toContain(`wrangler.toml:${line}, ${key}`)
  })

  test('TOML: a key of an environment', async () => {
    const text =
      'name = "shop"\nmain = "src/index.ts"\n\n[env.staging]\n\n[[env.staging.kv_namespaces]]\nbinding = ""\nid = "b"\n'
    expect(await refusal(text, { file: 'wrangler.toml', environment: 'staging' })).toContain(
      'wrangler.toml:7, env.staging.kv_namespaces[0].binding',
    )
  })

  test('what is refused is named with its line and key', async () => {
    expect(await refusal({ name: 'shop', main: 'src/other.ts' })).toMatch(
      /^wrangler\.jsonc:3, main: there is no file .*src\/other\.ts/,
    )
    expect(await refusal({ name: 'shop' })).toMatch(/main: the Worker has no entry/)
    const several = await refusal({
      ...BASE,
      ai: { binding: 'AI' },
      browser: { binding: 'B' },
      vectorize: [{ binding: 'V', index_name: 'v' }],
      send_email: [{ name: 'M' }],
    })
    expect(several).toMatch(/wrangler\.jsonc:5, ai: Workers AI runs on Cloudflare only\. A server/)
    for (const key of ['browser', 'vectorize', 'send_email']) expect(several).toContain(`, ${key}: `)
    expect(await refusal({ ...BASE, kv_namespaces: [{ binding: 'KV', remote: true }] })).toMatch(
      /kv_namespaces\[0\]\.remote: a remote binding needs Cloudflare/,
    )
    expect(await refusal({ ...BASE, triggers: { crons: ['0 0 1 * 1'] } })).toMatch(
      /triggers\.crons\[0\]: .*a day of the month together with a weekday/,
    )
    expect(await refusal({ ...BASE, vars: { A: '1' }, kv_namespaces: [{ binding: 'A' }] })).toMatch(
      /the env has "A" already/,
    )
    expect(
      await refusal('name = "shop"\nmain = "src/index.ts"\n\n[[r2_buckets]]\nbinding = ""\n', {
        file: 'wrangler.toml',
      }),
    ).toMatch(/^wrangler\.toml:5, r2_buckets\[0\]\.binding: it must be a text/)
    const bucket = 'name = "shop"\nmain = "src/index.ts"\n\n[[r2_buckets]]\nbinding = "FILES"\n'
    expect(await refusal(`${bucket}bucket_name = "My_Files"\n`, { file: 'wrangler.toml' })).toMatch(
      /^wrangler\.toml:6, r2_buckets\[0\]\.bucket_name: R2 has no buckets of such names/,
    )
    expect(await refusal('{ "name": }')).toMatch(/^wrangler\.jsonc:1: /)
  })

  test('everything that is refused is told at once, with what one of the targets refuses', async () => {
    const message = await refusal(
      {
        name: 'shop',
        main: 'src/gone.ts',
        ai: { binding: 'AI' },
        kv_namespaces: [{ binding: '' }, { binding: 'KV' }, { binding: 'KV' }],
        d1_databases: [{ binding: 'DB', migrations_dir: 'gone' }],
        queues: { consumers: [{ queue: 'q', type: 'http_pull' }] },
        triggers: { crons: ['nonsense'] },
        durable_objects: { bindings: [{ name: 'O', class_name: 'O' }] },
        rules: [{ type: 'PythonModule', globs: ['**/*.py'] }],
      },
      { targets: ['node', 'lambda'] },
    )
    for (const part of [
      'for 9 reasons:',
      ', main: there is no file',
      ', ai: Workers AI',
      'kv_namespaces[0].binding: it must be a text',
      'kv_namespaces[2]: the env has "KV" already',
      'd1_databases[0].migrations_dir: there is no folder',
      'queues.consumers[0].type: only "worker" consumers',
      'triggers.crons[0]: ',
      'rules[0].type: modules of type "PythonModule"',
      'The Worker has Durable Objects (O)',
    ])
      expect(message).toContain(part)
  })

  test('keys that wrangler does not know are warnings, with the nearest one', async () => {
    const { worker, warnings } = await read({
      ...BASE,
      kv_namespace: [],
      a_newer_one: { on: true },
      usage_model: 'bundled',
      type: 'webpack',
      zone_id: 'x',
      access: { enabled: true },
      kv_namespaces: [{ binding: 'KV', id: 'x', newer: 1 }],
      assets: { directory: 'src', newer: 1 },
    })
    expect(warnings).toEqual([
      expect.stringMatching(/kv_namespace: there is no such key\. Did you mean "kv_namespaces"\?/),
      expect.stringContaining('a_newer_one: there is no such key. It is left out.'),
      expect.stringContaining('kv_namespaces[0].newer: there is no such key'),
      expect.stringContaining('assets.newer: there is no such key'),
    ])
    expect(worker.spec.env).toMatchObject({ KV: { type: 'kv' } })
  })

  test('every key of the schema that wrangler brings is known', async () => {
    const schema = JSON.parse(
      await readFile(
        join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'config-schema.json'),
        'utf8',
      ),
    ) as { definitions: { RawConfig: { properties: Record<string, unknown> } } }
    const known = new Set([...HONOURED, ...WITHOUT_MEANING, ...Object.keys(WARNED), ...Object.keys(REFUSED)])
    expect(Object.keys(schema.definitions.RawConfig.properties).filter((key) => !known.has(key))).toEqual([])
  })

  test('classes of objects come from exports, migrations and bindings', async () => {
    const { worker } = await read({
      ...BASE,
      exports: {
        Room: { type: 'durable-object', storage: 'sqlite' },
        Gone: { type: 'durable-object', state: 'deleted' },
        Old: { type: 'durable-object', state: 'renamed', renamed_to: 'Room' },
        Api: { type: 'worker' },
      },
    })
    expect(worker.objects).toEqual(['Room'])
    const migrated = await read({
      ...BASE,
      migrations: [
        { tag: 'v1', new_sqlite_classes: ['A', 'B', 'C'] },
        { tag: 'v2', deleted_classes: ['B'], renamed_classes: [{ from: 'C', to: 'D' }] },
      ],
      durable_objects: { bindings: [{ name: 'E', class_name: 'E' }] },
    })
    expect(migrated.worker.objects).toEqual(['A', 'D', 'E'])
    const message = await refusal({
      ...BASE,
      exports: { Flow: { type: 'workflow' }, Odd: { type: 'odd' } },
      migrations: [{ tag: 'v1', new_classes: ['A'] }],
    })
    expect(message).toMatch(/exports: classes are named by "exports" or by "migrations"/)
    expect(message).toMatch(/exports\.Flow: Workflows run on Cloudflare only/)
    expect(message).toMatch(/exports\.Odd\.type: it is "durable-object" or "worker", not "odd"/)
  })

  test('what the Worker runs without is a warning', async () => {
    const { warnings } = await read({
      ...BASE,
      build: { command: 'npm run build' },
      tail_consumers: [{ service: 'x' }],
      observability: { enabled: true },
    })
    expect(warnings).toEqual([
      expect.stringMatching(/build: the command is not run/),
      expect.stringMatching(/tail_consumers: no target sends logs/),
    ])
  })
})
