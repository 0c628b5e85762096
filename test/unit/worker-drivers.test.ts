import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import type { AnyConfig } from '../../core/config.ts'
import { runUnmoor } from './cli-process.ts'
import { tempProject, type TempProject } from './temp-project.ts'

const HELLO = `export default { fetch: () => new Response('hello') }\n`
const AI = { driver: 'openai', url: 'http://127.0.0.1:1/v1', models: { '*': 'm' } }

function project(wrangler: object, worker = HELLO): Promise<TempProject> {
  return tempProject({
    'src/index.ts': worker,
    'wrangler.json': JSON.stringify(
      { name: 'shop', main: 'src/index.ts', compatibility_date: '2026-01-01', ...wrangler },
      null,
      2,
    ),
  })
}

async function refusal(
  wrangler: object,
  {
    config = {},
    worker = HELLO,
    target = 'node',
    allow = [] as string[],
  }: {
    config?: AnyConfig
    worker?: string
    target?: string
    allow?: string[]
  } = {},
): Promise<string> {
  await using made = await project(wrangler, worker)
  const choice = { config: 'wrangler.json', ...(allow.length === 0 ? {} : { allow }) }
  const built = buildApp({ projectDir: made.dir, target, worker: choice, config })
  return await built.then(
    () => 'it was built',
    (error: Error) => error.message,
  )
}

const NEEDS_DRIVER = {
  ai: { binding: 'AI' },
  analytics_engine_datasets: [{ binding: 'VIEWS' }, { binding: 'CLICKS', dataset: 'clicks' }],
}

describe('bindings of a Worker that run on a driver of the config', () => {
  test('are refused without one, each by its line, with what to write', async () => {
    const message = await refusal(NEEDS_DRIVER)
    expect(message).toContain(
      `wrangler.json:5, ai: Workers AI runs on Cloudflare only. A server that speaks the protocol of OpenAI can take its place: write in unmoor.config.ts drivers: { ai: { driver: 'openai', url: { env: 'AI_URL' }, models: { '*': 'llama3.1' } } }.`,
    )
    for (const [line, name] of [
      [9, 'views'],
      [12, 'clicks'],
    ])
      expect(message).toMatch(
        new RegExp(
          `wrangler\\.json:${line}, analytics_engine_datasets\\[\\d\\]: Analytics Engine runs on Cloudflare only\\. .*drivers: \\{ ${name}: \\{ driver: 'sqlite' \\} \\}`,
        ),
      )
  })

  test('build with what the refusal says, for all targets or for each', async () => {
    const drivers = { ai: AI, views: 'sqlite', clicks: { driver: 'postgres' } } as const
    for (const target of ['node', 'isolate', 'lambda']) {
      expect(await refusal(NEEDS_DRIVER, { target, config: { drivers } })).toBe('it was built')
      expect(await refusal(NEEDS_DRIVER, { target, config: { targets: { [target]: { drivers } } } })).toBe(
        'it was built',
      )
    }
    const other = { config: { targets: { lambda: { drivers } } } }
    expect(await refusal(NEEDS_DRIVER, other)).toContain('Workers AI runs on Cloudflare only')
  })

  test.each([
    [{ ai: [] }, 'ai: it is a table with "binding"'],
    [{ ai: { binding: 5 } }, 'ai.binding: it must be a text that is not empty'],
    [
      { analytics_engine_datasets: [{ binding: 'A', dataset: 'a"; DROP TABLE x' }] },
      'analytics_engine_datasets[0].dataset: it becomes the name of a table',
    ],
    [
      { ratelimits: [{ name: 'L', namespace_id: '1', simple: { limit: 5, period: 30 } }] },
      'ratelimits[0].simple: it is { "limit": number, "period": 10 or 60 }',
    ],
    [
      { unsafe: { bindings: [{ name: 'L', type: 'ratelimit', simple: { limit: '5', period: 10 } }] } },
      'unsafe.bindings[0].simple: it is { "limit": number, "period": 10 or 60 }',
    ],
    [
      { unsafe: { bindings: [{ name: 'X', type: 'internal' }] } },
      'unsafe.bindings[0]: of "unsafe" only bindings of the type "ratelimit" are known',
    ],
    [{ unsafe: { metadata: { a: 1 } } }, 'unsafe.metadata: of "unsafe" only bindings'],
  ])('%j is refused by name', async (wrangler, message) => {
    expect(await refusal(wrangler)).toContain(message)
  })

  test.each([
    [{ ai: { ...AI, model: 'x' } }, /drivers\.ai\.model: .*models/s],
    [{ ai: { ...AI, timeout: '5' } }, /drivers\.ai\.timeout/],
    [{ ai: { ...AI, timeout: 1000 } }, /drivers\.ai\.timeout.*900/s],
    [{ ai: { ...AI, models: 'm' } }, /drivers\.ai\.models/],
    [{ ai: 'redis' }, /"ai" is a service, which the driver "redis" does not serve/],
    [{ ai: AI, l: 'sqlite' }, /"l" is a counter, which the driver "sqlite" does not serve/],
    [{ ai: AI, l: { driver: 'redis', maxBytes: 5 } }, /drivers\.l\.maxBytes/],
    [{ ai: AI, limiter: 'redis' }, /no binding "limiter"/],
  ])('the drivers %j are refused', async (drivers, message) => {
    const ratelimits = [{ name: 'L', namespace_id: '1', simple: { limit: 5, period: 60 } }]
    expect(await refusal({ ai: { binding: 'AI' }, ratelimits }, { config: { drivers } })).toMatch(message)
  })

  test('limits of one namespace share their counts, and the older form is the same', async () => {
    const simple = { limit: 5, period: 60 }
    await using made = await project({
      ratelimits: [
        { name: 'ONE', namespace_id: '1', simple },
        { name: 'TWO', namespace_id: '2', simple },
      ],
      unsafe: {
        bindings: [{ name: 'OLD', type: 'ratelimit', namespace_id: '1', simple: { limit: 2, period: 10 } }],
      },
    })
    const { info, project: loaded } = await buildApp({
      projectDir: made.dir,
      target: 'node',
      worker: 'wrangler.json',
    })
    expect(loaded.worker?.spec.env).toMatchObject({
      ONE: { type: 'ratelimit', binding: 'one', limit: 5, period: 60 },
      TWO: { binding: 'two' },
      OLD: { type: 'ratelimit', binding: 'one', limit: 2, period: 10 },
    })
    expect(info.drivers).toMatchObject({ one: { driver: 'memory' }, two: { driver: 'memory' } })
  })
})

const USES = `
export class Models {
  constructor(env) { this.env = env }
  speech() { return this.env.AI.run('@cf/openai/whisper', { audio: [1] }) }
}
export default {
  async fetch(request, env) {
    const chosen = await env.AI.run('@cf/meta/llama-3.1-8b-instruct', { prompt: 'x' })
    const other = { toMarkdown: () => 1, AI: { toMarkdown: () => 1 } }
    other.toMarkdown(), other.AI.toMarkdown()
    return Response.json([chosen, await env.AI.toMarkdown([]), await env.AI?.autorag('x').search({}), new Models(env).speech()])
  },
}
`

describe('what the ai binding has on Cloudflare alone', () => {
  const config = { drivers: { ai: AI } } as AnyConfig

  test.each(['node', 'isolate', 'lambda'])('is refused by its place at the build for %s', async (target) => {
    const message = await refusal({ ai: { binding: 'AI' } }, { config, worker: USES, target })
    expect(message).toMatch(
      /src\/index\.ts:4:\d+ calls env\.AI\.run\("@cf\/openai\/whisper"\), a model of speech/,
    )
    expect(message).toMatch(
      /src\/index\.ts:11:\d+ calls env\.AI\.toMarkdown\(\)\. Convert documents with a library/,
    )
    expect(message).toMatch(/src\/index\.ts:11:\d+ calls env\.AI\.autorag\(\)/)
    expect(message.match(/calls env/g)).toHaveLength(3)
    expect(message).toContain('--allow ai')
  })

  test('stays where the config lets it', async () => {
    expect(await refusal({ ai: { binding: 'AI' } }, { config, worker: USES, allow: ['ai'] })).toBe(
      'it was built',
    )
  })
})

test('init --from-worker writes the drivers that a Worker needs', async () => {
  await using made = await project(NEEDS_DRIVER)
  const { code } = await runUnmoor(['init', '--from-worker', join(made.dir, 'wrangler.json')])
  expect(code).toBe(0)
  const config = await readFile(join(made.dir, 'unmoor.config.ts'), 'utf8')
  expect(config).toContain(
    "    ai: { driver: 'openai', url: { env: 'AI_URL' }, models: { '*': 'llama3.1' } },\n",
  )
  expect(config).toContain("    views: { driver: 'sqlite' },\n    clicks: { driver: 'sqlite' },\n")
})
