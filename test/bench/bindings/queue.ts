/**
 * Ten messages, sent each by itself as by ten requests at once, received as a batch and acked, through the
 * portable class and the driver, against the same statements on the bare client.
 */
import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import postgres from 'postgres'
import { queue as postgresQueue } from '../../../adapters/drivers/postgres/index.ts'
import { queueStatements } from '../../../adapters/drivers/postgres/queue-statements.ts'
import { queue as sqliteQueue } from '../../../adapters/drivers/sqlite/index.ts'
import { queue as declareQueue } from '../../../core/bindings/declarations.ts'
import type { QueueDriver } from '../../../core/bindings/drivers.ts'
import { createBatch, Queue } from '../../../core/bindings/queue.ts'
import { driverContext } from '../../../core/tools/conformance/drivers/harness.ts'
import type { Contenders, Work } from './work.ts'

const BATCH = 10
const NUMBERS = Array.from({ length: BATCH }, (_, n) => n)
interface Body {
  n: number
  text: string
}
const body = (n: number): Body => ({
  n,
  text: 'a click of a visitor on a short link, with its time and referrer',
})

function ours(driver: QueueDriver): Work {
  const clicks = new Queue<Body>(driver, { binding: 'clicks' })
  const receive = driver.receive?.bind(driver) as NonNullable<QueueDriver['receive']>
  const settle = driver.settle?.bind(driver) as NonNullable<QueueDriver['settle']>
  const signal = new AbortController().signal
  return {
    operations: BATCH,
    async once(index) {
      await Promise.all(NUMBERS.map((n) => clicks.send(body(index * BATCH + n))))
      const batch = createBatch(
        'clicks',
        await receive({ max: BATCH, leaseSeconds: 30, waitSeconds: 0, signal }),
        0,
      )
      const numbers = batch.messages.map((message) => (message.body as Body).n).toSorted((a, b) => a - b)
      await settle(batch.settlements('ack'))
      return numbers
    },
    close: () => driver.close?.(),
  }
}

const numbersOf = (texts: readonly string[]): number[] =>
  texts.map((text) => (JSON.parse(text) as Body).n).toSorted((a, b) => a - b)

/** As the driver has it: sends are flushed to the disk, deliveries need not be. */
function bareSqlite(path: string): Work {
  const sends = new DatabaseSync(path)
  sends.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  sends.exec(`CREATE TABLE messages (seq INTEGER PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, content_type TEXT NOT NULL, body NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, sent_at INTEGER NOT NULL, visible_at INTEGER NOT NULL, lease TEXT)`)
  sends.exec('CREATE INDEX messages_visible ON messages (queue, visible_at, seq)')
  const deliveries = new DatabaseSync(path)
  deliveries.exec('PRAGMA synchronous = NORMAL')
  const insert = sends.prepare(
    'INSERT INTO messages (queue, id, content_type, body, sent_at, visible_at) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const take = deliveries.prepare(`UPDATE messages SET attempts = attempts + 1, visible_at = ?, lease = ?
    WHERE seq IN (SELECT seq FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, seq LIMIT ?) RETURNING seq, id, content_type, body, attempts, sent_at`)
  take.setReturnArrays(true)
  const ack = deliveries.prepare('DELETE FROM messages WHERE seq = ? AND lease = ?')
  const transaction = <T>(work: () => T): T => {
    deliveries.exec('BEGIN IMMEDIATE')
    const result = work()
    deliveries.exec('COMMIT')
    return result
  }
  return {
    operations: BATCH,
    async once(index) {
      for (const n of NUMBERS) {
        const now = Date.now()
        insert.run('test/clicks', randomUUID(), 'json', JSON.stringify(body(index * BATCH + n)), now, now)
      }
      const token = randomUUID()
      const now = Date.now()
      const rows = transaction(() => take.all(now + 30_000, token, 'test/clicks', now, BATCH)) as unknown as [
        number,
        string,
        string,
        string,
      ][]
      const numbers = numbersOf(rows.map(([, , , text]) => text))
      transaction(() => {
        for (const [seq] of rows) ack.run(seq, token)
      })
      return numbers
    },
    close() {
      sends.close()
      deliveries.close()
    },
  }
}

export const QUEUE: Readonly<Record<string, Contenders>> = {
  'queue.sqlite': {
    ours: async ({ folder }) =>
      ours(
        await sqliteQueue({ path: `${folder}/ours.sqlite` }, driverContext({ declaration: declareQueue() })),
      ),
    'node:sqlite': ({ folder }) => bareSqlite(`${folder}/bare.sqlite`),
  },
  'queue.postgres': {
    ours: async ({ postgres: { url, schema } }) =>
      ours(await postgresQueue({ url, schema, max: 4 }, driverContext({ declaration: declareQueue() }))),
    'postgres.js': async ({ postgres: { url, schema } }) => {
      // The driver's own statements; it makes the table.
      const driver = await postgresQueue(
        { url, schema, max: 1 },
        driverContext({ declaration: declareQueue() }),
      )
      await driver.depth?.()
      await driver.close?.()
      const sql = postgres(url, {
        max: 4,
        onnotice: () => {},
        fetch_types: false,
        connection: { search_path: schema },
      })
      const { send, take, settle } = queueStatements('unmoor_messages')
      // The client writes what is JSON itself.
      const run = (text: string, params: (string | number | null | object)[]): Promise<unknown[][]> =>
        sql.unsafe(text, params as never[], { prepare: true }).values()
      return {
        operations: BATCH,
        async once(index) {
          await Promise.all(
            NUMBERS.map((n) =>
              run(send, [
                'test/clicks',
                [{ id: randomUUID(), json: JSON.stringify(body(index * BATCH + n)), delay: 0 }],
              ]),
            ),
          )
          const lease = randomUUID()
          const rows = await run(take, ['test/clicks', BATCH, lease, 30, 3, null])
          const numbers = numbersOf(rows.map(([, , , text]) => text as string))
          await run(settle, [rows.map(([, seq]) => ({ seq: Number(seq), lease })), 3, null])
          return numbers
        },
        close: () => sql.end(),
      }
    },
  },
}
