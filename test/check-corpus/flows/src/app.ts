import { blob, defineApp, defineBindings, kv, queue, sql, type Env } from 'unmoor'
import { Archive } from './archive.ts'
import makeCounter, { helpers, later, remember, type Stores, viaType } from './helpers.js'
import { Counts, Repository, Sessions } from './repository.ts'
import { routes } from './routes.ts'
import { type Deps, Named } from './shared/index.ts'
import * as tools from './shared/index.ts'

const bindings = defineBindings({ links: kv(), counts: kv({ consistency: 'strong' }), files: blob(), jobs: queue<unknown>(), db: sql() })
type Bindings = Env<typeof bindings>

export default defineApp({
  bindings,
  fetch: async (request, e, ctx) => {
    await e.links.put('second parameter', 'x', { ttl: 1 }) // expect: kv-ttl
    const store = e.links
    const { links: renamed, jobs } = e
    await store.put('const', 'x', { ttl: 1 }) // expect: kv-ttl
    await renamed.put('renamed', 'x', { ttl: 1 }) // expect: kv-ttl
    await local(store, jobs)
    await nested({ stores: { main: e.links } })
    await remember(e.links, 'key')
    await helpers.save(e)
    await later(() => e.links)
    await viaType({ main: e.links, files: e.files })
    await tools.drop(e.files)
    const repository = new Repository(e.links, e)
    await repository.save('a')
    await new Sessions(e.links).touch()
    await new Counts(e).add()
    await new Named('n', e).list()
    await Archive.open(e).store()
    const counter = makeCounter(e.counts)
    await counter.add()
    await pick(e, request.url.length > 9).put('chosen', 'x', { ttl: 1 }) // expect: kv-ttl
    await within(e, (own) => own.put('callback', 'x', { ttl: 1 })) // expect: kv-ttl
    let late
    late = e.jobs
    await late.send({}, { delaySeconds: 1000 }) // expect: queue-delay
    const bag: Record<string, Bindings['links']> = {}
    bag.own = e.links
    await bag.own.put('member', 'x', { ttl: 1 }) // expect: kv-ttl
    await typed(e.links)
    ctx.waitUntil(query(e.db))
    await either(request.url === '' ? e.links : e.counts)
    await ambiguous(e.links)
    await ambiguous(e.files)
    await foreign(new Map())
    return routes.fetch(request, e)
  },
  crons: { nightly: { schedule: '0 3 * * *', run: async (_cron, all) => void (await all.links.put('cron', 'x', { ttl: 1 })) } }, // expect: kv-ttl
})

async function local(store, jobs): Promise<void> {
  await store.put('argument', 'x', { ttl: 1 }) // expect: kv-ttl
  await jobs.send({}, { delaySeconds: 1000 }) // expect: queue-delay
}

const nested = async ({ stores: { main }, other = main }): Promise<void> => {
  await main.put('nested', 'x', { ttl: 1 }) // expect: kv-ttl
  await other.put('fallback', 'x', { ttl: 1 }) // expect: kv-ttl
}

function pick(e: Bindings, first: boolean) {
  if (first) return e.links
  return e.counts
}

async function within(e, work) {
  return work(e.links)
}

async function query(db): Promise<void> {
  await db.run("INSERT OR REPLACE INTO a (b) VALUES ('c')") // expect: sql-insert-or
  await db.transaction(async () => {}) // expect: sql-transaction
}

async function typed(store: Bindings['links']): Promise<void> {
  await store.put('indexed type', 'x', { ttl: 1 }) // expect: kv-ttl
}

async function either(store): Promise<void> {
  // One of the two has it.
  await store.putIf('a', 'b', { absent: true })
}

/** Given a kv and a blob: what `put` takes is not known. */
async function ambiguous(store): Promise<void> {
  await store.put('a', 'b', { ttl: 1 })
}

async function foreign(store): Promise<void> {
  await store.put('a', 'b', { ttl: 1 })
}

/** No handler: what it is given has the name of a binding, and is none. */
export const render = (title: string, { files }: { files: { list(options: { limit: number }): string[] } }): string => `${title}${files.list({ limit: 5000 }).join()}`

export const byDeps = ({ store }: Deps): Promise<void> => store.put('types alone', 'x', { ttl: 1 }) // expect: kv-ttl

export function stores(e: Bindings): Stores {
  return { main: e.links, files: e.files }
}
