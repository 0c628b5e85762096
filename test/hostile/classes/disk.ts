import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Attack, type AttackClass, boundedBy, harmful, held } from '../attack.ts'
import type { World } from '../world.ts'

const DISK_MB = 4
/** What an app may have on the disk: its limit, what SQLite keeps beside, and what one look lets through. */
const MOST_BYTES = 16 * 1024 * 1024

/** Writes without end, by every way to store something; each goes on until it is refused or has 40 MB. */
const FLOODS: Readonly<Record<string, string>> = {
  'values of kv': `for (let i = 0; i < 40; i++) await env.kv.put('k' + i, new Uint8Array(1e6))`,
  'small values of kv': `for (let i = 0; i < 400; i++) await Promise.all(Array.from({ length: 20 }, (_, j) => env.kv.put('k' + i + '-' + j, 'x'.repeat(5000))))`,
  'metadata of kv': `for (let i = 0; i < 2000; i++) await Promise.all(Array.from({ length: 20 }, (_, j) => env.kv.put('m' + i + '-' + j, '', { metadata: { a: 'x'.repeat(900) } })))`,
  'long keys of kv': `for (let i = 0; i < 2000; i++) await Promise.all(Array.from({ length: 40 }, (_, j) => env.kv.put('k'.repeat(480) + i + '-' + j, '')))`,
  'values of kv at once': `await Promise.all(Array.from({ length: 40 }, (_, i) => env.kv.put('k' + i, new Uint8Array(1e6))))`,
  'values of kv that expire': `for (let i = 0; i < 40; i++) await env.kv.put('k' + i, new Uint8Array(1e6), { expirationTtl: 60 })`,
  'blobs': `for (let i = 0; i < 40; i++) await env.files.put('b' + i, new Uint8Array(1e6))`,
  'one large blob': `await env.files.put('large', new Uint8Array(4e7))`,
  'a streamed blob': `await env.files.put('streamed', new ReadableStream({ n: 0, pull(c) { this.n++ < 40 ? c.enqueue(new Uint8Array(1e6)) : c.close() } }))`,
  'a streamed blob that breaks': `for (let i = 0; i < 10; i++) await env.files.put('broken' + i, new ReadableStream({ n: 0, pull(c) { if (this.n++ > 3) throw new Error('broken'); c.enqueue(new Uint8Array(1e6)) } })).catch(() => {}); await env.files.put('then', new Uint8Array(4.5e6))`,
  'blobs at once': `await Promise.all(Array.from({ length: 40 }, (_, i) => env.files.put('b' + i, new Uint8Array(1e6))))`,
  'metadata of blobs': `for (let i = 0; i < 2000; i++) await Promise.all(Array.from({ length: 20 }, (_, j) => env.files.put('m' + i + '-' + j, '', { customMetadata: { a: 'x'.repeat(1500) } })))`,
  'messages of a queue': `for (let i = 0; i < 400; i++) await env.jobs.send({ text: 'x'.repeat(1e5) }, { delaySeconds: 600 })`,
  'batches of a queue': `for (let i = 0; i < 40; i++) await env.jobs.sendBatch(Array.from({ length: 10 }, () => ({ body: { text: 'x'.repeat(1e5) }, delaySeconds: 600 })))`,
  'rows': `await env.db.run('CREATE TABLE t (a)'); for (let i = 0; i < 400; i++) await env.db.run('INSERT INTO t VALUES (randomblob(100000))')`,
  'rows of one statement': `await env.db.run('CREATE TABLE t (a)'); await env.db.run('INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 400) SELECT randomblob(100000) FROM c')`,
  'a table of a query': `await env.db.run('CREATE TABLE t AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 400) SELECT randomblob(100000) AS a FROM c')`,
  'rows of a trigger': `await env.db.run('CREATE TABLE t (a)'); await env.db.run('CREATE TABLE u (a)'); await env.db.run('CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO u SELECT randomblob(500000); INSERT INTO u SELECT randomblob(500000); END'); for (let i = 0; i < 40; i++) await env.db.run('INSERT INTO t VALUES (1)')`,
  'updates that grow': `await env.db.run('CREATE TABLE t (a)'); await env.db.run('INSERT INTO t VALUES (1)'); for (let i = 0; i < 40; i++) await env.db.run('INSERT INTO t SELECT randomblob(1000000) FROM t LIMIT 20')`,
  'indexes': `await env.db.run('CREATE TABLE t (a)'); await env.db.run('INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 30) SELECT randomblob(50000) FROM c'); for (let i = 0; i < 30; i++) await env.db.run('CREATE INDEX i' + i + ' ON t (a)')`,
  'many tables': `for (let i = 0; i < 4000; i++) await Promise.all(Array.from({ length: 10 }, (_, j) => env.db.run('CREATE TABLE t' + i + '_' + j + ' (a PRIMARY KEY, b UNIQUE, c UNIQUE)')))`,
  'full text': `await env.db.run('CREATE VIRTUAL TABLE f USING fts5(a)'); for (let i = 0; i < 40; i++) await env.db.run('INSERT INTO f VALUES (hex(randomblob(500000)))')`,
  'zeros': `await env.db.run('CREATE TABLE t (a)'); for (let i = 0; i < 40; i++) await env.db.run('INSERT INTO t VALUES (zeroblob(1000000))')`,
  'batches of statements': `await env.db.run('CREATE TABLE t (a)'); for (let i = 0; i < 10; i++) await env.db.batch(Array.from({ length: 40 }, () => ({ text: 'INSERT INTO t VALUES (randomblob(100000))', params: [] })))`,
  'blobs and rows by turns': `await env.db.run('CREATE TABLE t (a)'); for (let i = 0; i < 40; i++) { await env.files.put('b' + i, new Uint8Array(5e5)); await env.db.run('INSERT INTO t VALUES (randomblob(500000))') }`,
} // prettier-ignore

/** What stays, and must not harm: room comes back, and nothing of it is another's. */
const AROUND: Readonly<Record<string, string>> = {
  'deletions make room': `for (let i = 0; i < 30; i++) { await again(() => env.files.put('b', new Uint8Array(1e6))); await env.files.delete('b') } return 'room'`,
  'the same key again and again': `for (let i = 0; i < 30; i++) await again(() => env.files.put('same', new Uint8Array(1e6))); return 'room'`,
  'the same value of kv again and again': `for (let i = 0; i < 30; i++) await again(() => env.kv.put('same', new Uint8Array(1e6))); return 'room'`,
} // prettier-ignore

/**
 * What is free again shows at the next look at the folder, which is the later the longer a look takes: on a busy
 * machine, half a minute.
 */
const AGAIN = `const again = async (write) => { for (let time = 0; ; time++) try { return await write() } catch (error) { if (error.code !== 'LimitExceeded' || time > 2000) throw error; await new Promise((resolve) => setTimeout(resolve, 100)) } }; `

function bytesOf(folder: string): number {
  let sum = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile())
      sum += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
  return sum
}

const stored = (world: World, app: string): number => bytesOf(join(world.lab.dir, 'data/apps', app))

/** Storage: so much of it, and what is stored can be deleted. */
export const disk: AttackClass = {
  name: 'disk',
  promise: 'An app has diskMb of the data folder; beyond it writes fail, and deletions do not.',
  tenant: { build: 'lab', limits: { diskMb: DISK_MB, cpuMs: 20_000, wallTimeout: 600 } },
  perApp: 1,
  parallel: 4,
  attacks: [
    ...Object.entries(FLOODS).map(([name, code]): Attack => ({
      name: `a flood of ${name}`,
      async run(world, app) {
        const { status, text } = await world.code(app, `${code}; return 'all of it'`)
        const bytes = stored(world, app)
        if (bytes > MOST_BYTES) return harmful(`${bytes} bytes are stored, where ${DISK_MB} MB are the limit`)
        if (text.includes('limit of diskMb')) return boundedBy(app, 'diskMb')
        // Another limit came first: of a value, a statement, a message.
        return status === 299 && !text.includes('all of it')
          ? held
          : harmful(`${status} ${text.slice(0, 200)}`)
      },
    })),
    ...Object.entries(AROUND).map(([name, code]): Attack => ({
      name,
      async run(world, app) {
        const { text } = await world.code(app, AGAIN + code)
        return text === '{"value":"room"}' && stored(world, app) < MOST_BYTES
          ? held
          : harmful(text.slice(0, 200))
      },
    })),
  ],
  hole: {
    is: 'no driver is held to the quota',
    file: 'adapters/isolate/host/worker/disk-quota.js',
    from: `if (!EMBEDDED.has(name) || kind === 'assets')`,
    to: `if (name !== '')`,
    attacks: ['a flood of blobs', 'a flood of values of kv', 'a flood of rows'],
    why: /bytes are stored/,
  },
}
