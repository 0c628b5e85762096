import { blob, defineApp, defineBindings, kv, queue, sql, type Env, type Kv, type Queue } from 'unmoor'
import { HOUR, LONG_TEXT, SHORT } from './limits.ts'

const bindings = defineBindings({
  links: kv(),
  counts: kv({ consistency: 'strong' }),
  files: blob(),
  jobs: queue<unknown>(),
  db: sql(),
})

type AppEnv = Env<typeof bindings>
const DELAY = HOUR / 2

export default defineApp({
  bindings,
  fetch: async (request, env) => {
    await env.links.put('a', 'b', { ttl: 30 }) // expect: kv-ttl
    await env.links.put('a', 'b', { ttl: SHORT }) // expect: kv-ttl
    await env.links.put('a', 'b', { ttl: 60 })
    await env.links.put('a', 'b', { expirationTtl: 120 }) // expect: kv-option
    await env.links.put('a', 'b', { ttl: 60, expiration: 2_000_000_000 }) // expect: kv-ttl
    await env.links.put('.', 'b') // expect: kv-key
    await env.links.get('') // expect: kv-key
    await env.links.delete('k'.repeat(513)) // expect: kv-key
    await env.links.put('lone \ud800', 'x') // expect: kv-key
    await env.links.put('big', new Uint8Array(26 * 1024 * 1024)) // expect: kv-value
    await env.links.put('m', 'x', { metadata: { note: 'n'.repeat(1100) } }) // expect: kv-metadata
    await env.links.list({ limit: 5000 }) // expect: kv-list
    await env.links.getMany(Array.from({ length: 101 })) // expect: kv-get-many
    await env.links.putIf('a', 'b', { absent: true }) // expect: kv-strong
    await env.links.update('a', () => 'b') // expect: kv-strong
    await env.counts.putIf('a', 'b', { absent: true })
    await env.counts.putIf('a', 'b', { absent: true }, { ttl: 10 }) // expect: kv-ttl
    const { files, jobs } = env
    await files.put('f'.repeat(1025), 'x') // expect: blob-key
    await files.put('ok', 'x', { customMetadata: { text: 't'.repeat(2100) } }) // expect: blob-metadata
    await files.list({ limit: 1001 }) // expect: blob-list
    await files.signedUrl('a', { expiresIn: 60 }) // expect: blob-capability
    await jobs.send({}, { delaySeconds: 3600 }) // expect: queue-delay
    await jobs.send({}, { delaySeconds: DELAY }) // expect: queue-delay
    await jobs.send(LONG_TEXT) // expect: queue-message
    await jobs.sendBatch([{ body: 1, delaySeconds: 901 }]) // expect: queue-delay
    await jobs.sendBatch([{ body: `${LONG_TEXT}!` }]) // expect: queue-message
    await jobs.sendBatch(Array.from({ length: 200 })) // expect: queue-batch
    await env.db.transaction(async () => {}) // expect: sql-transaction
    // unmoor-ignore kv-ttl: a test of the error
    await env.links.put('a', 'b', { ttl: 1 })
    await env.links.put('a', 'b', { ttl: 2 }) /* unmoor-ignore kv-ttl */ // expect: ignore-reason
    await env.links.get('a') /* unmoor-ignore kv-ttl: nothing is wrong here */ // expect: ignore-unused
    await helper(env.links, env.jobs)
    return new Response(request.url)
  },
  queues: {
    jobs: async (batch, { links }) => {
      for (const message of batch.messages) message.retry({ delaySeconds: 1000 }) // expect: queue-delay
      await links.put('q', '1', { ttl: 5 }) // expect: kv-ttl
    },
  },
})

async function helper(store: Kv, queue: Queue): Promise<void> {
  await store.put('h', '1', { ttl: 59 }) // expect: kv-ttl
  await queue.send(null, { delaySeconds: 1e4 }) // expect: queue-delay
}

export function destructured({ links }: AppEnv): Promise<void> {
  return links.put('d', '1', { ttl: 0 }) // expect: kv-ttl
}

class Other {
  put(_key: string, _value: string, _options: { ttl: number }): void {}
}
// Not a binding, though it looks like one.
new Other().put('a', 'b', { ttl: 1 })
