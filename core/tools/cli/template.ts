import { packageVersion } from '../build/packages.ts'

/** Returns the files of a new project of `unmoor init`, by path. */
export function projectFiles(name: string): Record<string, string> {
  return {
    'package.json': `${JSON.stringify(packageJson(name), null, 2)}\n`,
    'unmoor.config.ts': CONFIG.replace('NAME', name),
    'src/app.ts': APP,
    'test/app.test.ts': TEST,
    'tsconfig.json': `${JSON.stringify(TSCONFIG, null, 2)}\n`,
    'README.md': README.replace('NAME', name),
    '.gitignore': 'node_modules/\n.unmoor/\n.env\n.env.local\n.env.*.local\n',
  }
}

function packageJson(name: string): object {
  return {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=24' },
    scripts: {
      dev: 'unmoor dev',
      build: 'unmoor build --target node',
      start: 'unmoor start --target node',
      test: 'unmoor test --target node',
      typecheck: 'tsc',
    },
    dependencies: { hono: '^4.13.0', unmoor: `^${packageVersion}` },
    devDependencies: { '@types/node': '^26.0.0', typescript: '^7.0.0', vitest: '^5.1.0' },
  }
}

const TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable'],
    types: ['node'],
    strict: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['src', 'test', '*.ts'],
}

const CONFIG = `import { defineConfig } from 'unmoor'

export default defineConfig({
  name: 'NAME',
  // Every target has a driver for every binding; name another one here, for example:
  // targets: { node: { drivers: { notes: 'memory' } } },
})
`

const APP = `import { Hono } from 'hono'
import { defineApp, defineBindings, kv, queue, type Env } from 'unmoor'

/** Sent for every note that is written. */
interface Written {
  slug: string
}

const bindings = defineBindings({
  notes: kv(),
  written: queue<Written>({ maxRetries: 3 }),
})

const app = new Hono<{ Bindings: Env<typeof bindings> }>()

app.get('/', (c) => c.text('PUT a note to /notes/NAME, then GET it. /count tells how many were written.'))

app.put('/notes/:slug', async (c) => {
  const slug = c.req.param('slug')
  await c.env.notes.put(\`note:\${slug}\`, await c.req.text())
  await c.env.written.send({ slug })
  return c.body(null, 204)
})

app.get('/notes/:slug', async (c) => {
  const note = await c.env.notes.get(\`note:\${c.req.param('slug')}\`)
  return note === null ? c.notFound() : c.text(note)
})

app.get('/count', async (c) => c.json({ written: Number((await c.env.notes.get('count')) ?? 0) }))

export default defineApp({
  bindings,
  fetch: app.fetch,
  queues: {
    // A batch may come more than once: a real counter would remember the ids of messages.
    written: async (batch, env) => {
      const count = Number((await env.notes.get('count')) ?? 0)
      await env.notes.put('count', String(count + batch.messages.length))
    },
  },
  crons: {
    // At three in the morning (UTC) the count starts again.
    reset: { schedule: '0 3 * * *', run: (_event, env) => env.notes.put('count', '0') },
  },
})
`

const TEST = `import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app.ts'

let t: TestApp<typeof app>

// Builds the app and starts it on the target that \`unmoor test --target\` names.
beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterAll(() => t?.stop())

test('a note is written and read', async () => {
  expect((await t.fetch('/notes/a', { method: 'PUT', body: 'hello' })).status).toBe(204)
  expect(await (await t.fetch('/notes/a')).text()).toBe('hello')
  expect(await t.env.notes.get('note:a')).toBe('hello')
  expect((await t.fetch('/notes/b')).status).toBe(404)
})

test('notes are counted by the queue, and the cron starts again', async () => {
  await t.queues.written.drained()
  expect(await (await t.fetch('/count')).json()).toEqual({ written: 1 })
  await t.crons.reset.run({ scheduledTime: Date.now() })
  expect(await t.env.notes.get('count')).toBe('0')
})
`

const README = `# NAME

A Hono app on unmoor: written once, run on Node, Cloudflare Workers, AWS Lambda and isolates.

\`\`\`sh
npm install
npm run dev                                   # on Node, again at every change
npm test                                      # the tests, against the built app
npx unmoor test --target node cloudflare      # the same tests on more targets
npx unmoor build --target cloudflare          # what to deploy lands in .unmoor/cloudflare
\`\`\`

- \`src/app.ts\`: the app: its bindings and handlers
- \`test/app.test.ts\`: its tests
- \`unmoor.config.ts\`: which driver serves which binding on which target
- \`.env\`: variables and secrets for \`dev\` and \`start\`, a NAME=value on each line
`
