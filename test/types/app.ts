// Compiled, never run: what must be accepted, and under each @ts-expect-error what must be refused.
import { Hono } from 'hono'
import {
  assets,
  blob,
  cache,
  defineApp,
  defineBindings,
  kv,
  queue,
  secret,
  service,
  sql,
  variable,
} from '../../core/index.ts'
import type { App, BlobStore, Context, Env, Kv, Queue, QueueBatch, Secret } from '../../core/index.ts'
import type { TestApp } from '../../core/tools/testing/index.ts'

interface Click {
  slug: string
  at: number
}

const bindings = defineBindings({
  links: kv(),
  balances: kv({ consistency: 'strong' }),
  icons: blob(),
  clicks: queue<Click>({ maxRetries: 3 }),
  stats: sql({ migrations: './migrations' }),
  pages: cache(),
  adminToken: secret(),
  maybe: secret({ optional: true }),
  title: variable({ default: 'Links' }),
  api: service(),
  site: assets({ directory: './public' }),
})
type AppEnv = { Bindings: Env<typeof bindings> }

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function check<T extends true>(): T | undefined {
  return undefined
}

check<Equal<Env<typeof bindings>['links'], Kv>>()
check<Equal<Env<typeof bindings>['clicks'], Queue<Click>>>()
check<Equal<Env<typeof bindings>['adminToken'], Secret<string>>>()
check<Equal<Env<typeof bindings>['maybe'], Secret<string | null>>>()
check<Equal<Env<typeof bindings>['title'], string>>()

const hono = new Hono<AppEnv>()
hono.get('/:slug', async (c) => {
  const url: string | null = await c.env.links.get(c.req.param('slug'))
  await c.env.clicks.send({ slug: 'a', at: 1 })
  // @ts-expect-error -- not a Click
  await c.env.clicks.send({ slug: 1 })
  // @ts-expect-error -- a plain kv has no putIf
  await c.env.links.putIf('a', 'b')
  const balance: number | null = await c.env.balances.update<number>('a', (n) => (n ?? 0) + 1)
  await c.env.balances.putIf('a', String(balance), { absent: true })
  // @ts-expect-error -- a version or absent
  await c.env.balances.putIf('a', 'b', { absent: false })
  // @ts-expect-error -- no such binding
  await c.env.nothing.get('a')
  return c.text(url ?? '')
})

defineApp({
  bindings,
  fetch: hono.fetch,
  queues: {
    clicks: async (batch, env, ctx) => {
      check<Equal<typeof batch, QueueBatch<Click>>>()
      check<Equal<typeof env.links, Kv>>()
      check<Equal<typeof ctx, Context>>()
      for (const message of batch.messages)
        await env.stats.run(sql`INSERT INTO clicks VALUES (${message.body.slug}, ${message.body.at})`)
    },
  },
  crons: {
    cleanup: {
      schedule: '0 3 * * *',
      run: async (event, env) => {
        await env.links.delete(String(event.scheduledTime))
      },
    },
  },
})

// Plain handlers, with as many parameters as they use.
defineApp({ bindings, fetch: (_request, env) => new Response(env.title) })
defineApp({ bindings, fetch: () => new Response() })
defineApp({ bindings, fetch: async (request: Request) => new Response(request.url) })
defineApp({ bindings, fetch: (_request: Request, env: { links: Kv }) => new Response(String(env.links)) })
defineApp({ bindings, fetch: (_request: Request, env: unknown) => new Response(String(env)) })
defineApp({
  bindings,
  fetch: (_request: Request, _env: Env<typeof bindings>, ctx: Context) =>
    new Response(String(ctx.signal.aborted)),
})
defineApp({ fetch: () => new Response() })
defineApp({ fetch: new Hono().fetch })
defineApp({ bindings: defineBindings({}), fetch: new Hono().fetch })

// A Hono app that needs less than there is.
defineApp({ bindings, fetch: new Hono<{ Bindings: { links: Kv } }>().fetch })

// @ts-expect-error -- a Hono app with wrong Bindings
defineApp({ bindings, fetch: new Hono<{ Bindings: { links: BlobStore } }>().fetch })
// @ts-expect-error -- a Hono app that wants more than there is
defineApp({ bindings, fetch: new Hono<{ Bindings: { links: Kv; other: Kv } }>().fetch })
// @ts-expect-error -- a Hono app without Bindings beside declared bindings
defineApp({ bindings, fetch: new Hono().fetch })
// @ts-expect-error -- a Hono app with other Variables only
defineApp({ bindings, fetch: new Hono<{ Variables: { user: string } }>().fetch })
// @ts-expect-error -- a Hono app with Bindings where none are declared
defineApp({ fetch: new Hono<{ Bindings: { links: Kv } }>().fetch })
defineApp({
  bindings,
  // @ts-expect-error -- a plain handler with a wrong env
  fetch: (_request: Request, env: { links: BlobStore }) => new Response(String(env.links)),
})
// @ts-expect-error -- no Response
defineApp({ bindings, fetch: () => 'hello' })
// @ts-expect-error -- a consumer for a binding that is no queue
defineApp({ bindings, fetch: hono.fetch, queues: { links: async () => {} } })
defineApp({
  bindings,
  fetch: hono.fetch,
  // @ts-expect-error -- a consumer for messages of another type
  queues: { clicks: async (batch: QueueBatch<{ other: number }>) => void batch },
})
// @ts-expect-error -- a cron without a schedule
defineApp({ bindings, fetch: hono.fetch, crons: { cleanup: { run: async () => {} } } })
// @ts-expect-error -- no such option
queue({ retries: 3 })
// @ts-expect-error -- no such kind
defineBindings({ links: { kind: 'table' } })

// Names of crons and types of bindings reach the tests of an app.
const typed = defineApp({
  bindings,
  fetch: hono.fetch,
  crons: { cleanup: { schedule: '0 3 * * *', run: () => {} } },
})
async function testOfTyped(t: TestApp<typeof typed>): Promise<void> {
  await t.crons.cleanup.run({ scheduledTime: 0 })
  await t.queues.clicks.drained()
  const link: string | null = await t.env.links.get('abc')
  void link
  // @ts-expect-error -- no such cron
  await t.crons.other.run()
  // @ts-expect-error -- no queue
  await t.queues.links.drained()
}
const anyApp: App = typed
void [anyApp, testOfTyped]
