/** The real stores, driven along the models' paths and compared with them after each step. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cronStore as memoryCrons } from '../../adapters/drivers/memory/cron/index.ts'
import * as memory from '../../adapters/drivers/memory/index.ts'
import { cronStore as postgresCrons } from '../../adapters/drivers/postgres/cron/index.ts'
import * as postgres from '../../adapters/drivers/postgres/index.ts'
import { cronStore as sqliteCrons } from '../../adapters/drivers/sqlite/cron/index.ts'
import * as sqlite from '../../adapters/drivers/sqlite/index.ts'
import { openStore } from '../../adapters/isolate/host/store/open-store.ts'
import { makeTables } from '../../adapters/isolate/host/store/tables.ts'
import { queue as declareQueue, sql as declareSql } from '../../core/bindings/declarations.ts'
import type { DriverContext, QueueDriver, SqlDriver } from '../../core/bindings/drivers.ts'
import { driverContext } from '../drivers/contracts/harness.ts'
import { admin, postgresAnswers, uniqueName, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { cronModel } from './cron.ts'
import { claimModel } from './data-claim.ts'
import { deployModel } from './deploy.ts'
import { drive, explore, type Model, type Subject } from './explorer.ts'
import { ownersModel } from './owners.ts'
import { queueModel, RETRIES } from './queue.ts'
import { claimSubject, cronSubject, deploySubject, ownersSubject, queueSubject, TICK } from './subjects.ts'

const answers = await postgresAnswers('models/stores.test.ts')
const schema = uniqueName()
let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-models-'))
  if (answers) await admin.unsafe(`CREATE SCHEMA ${schema}`)
})
afterAll(async () => {
  if (answers) await admin.unsafe(`DROP SCHEMA ${schema} CASCADE`)
  await admin.end()
  await rm(dataDir, { recursive: true, force: true })
})

/** A clock of the test's own, by which drivers on this machine time their leases. */
let now = Date.UTC(2026, 0, 1)
const tickHere = (): void => void (now += TICK * 1000)
const context = (options: Parameters<typeof driverContext>[0] = {}): DriverContext =>
  driverContext({ now: () => now, ...options }, { dataDir })
const onPostgres = { url: URL_OF_SERVER, schema, max: 2 }

/** Drives a store along paths that cover the model's transitions, up to so many steps. */
async function driveAll<State>(
  model: Model<State>,
  steps: number,
  open: () => Subject<State> | Promise<Subject<State>>,
): Promise<void> {
  const found = explore(model)
  expect(found.violation).toBeUndefined()
  let done = 0
  let paths = 0
  for (const path of found.paths({ maxLength: 120 })) {
    if (done >= steps) break
    await drive(model, path, await open())
    done += path.length
    paths++
  }
  console.info(`${model.name}: ${paths} paths, ${done} steps, of ${found.transitions} transitions`)
  expect(done).toBeGreaterThan(Math.min(steps, 500) - 1)
}

describe('claims of crons', () => {
  it('memory answers as the model does along its paths', async () => {
    const store = await memoryCrons({}, context())
    await driveAll(cronModel(), 20_000, () => cronSubject(store, tickHere))
  })

  it('SQLite answers as the model does along its paths', async () => {
    const store = await sqliteCrons({ path: ':memory:' }, context())
    await driveAll(cronModel(), 20_000, () => cronSubject(store, tickHere))
    await store.close?.()
  })

  it.skipIf(!answers)('Postgres answers as the model does along its paths', async () => {
    const store = await postgresCrons(onPostgres, context())
    const tick = (cron: string): Promise<unknown> =>
      admin.unsafe(
        `UPDATE ${schema}.unmoor_crons SET leased_until = leased_until - interval '${TICK} seconds' WHERE cron = $1`,
        [cron],
      )
    await driveAll(cronModel(), 1000, () => cronSubject(store, tick))
    await store.close?.()
  })
})

describe('leases of queues', () => {
  const declared = (deadLetter?: string): DriverContext =>
    context({
      binding: deadLetter === undefined ? 'dead' : 'jobs',
      declaration: declareQueue({
        maxRetries: RETRIES,
        ...(deadLetter === undefined ? {} : { deadLetterQueue: deadLetter }),
      }),
    })
  /** Empties both queues, whoever holds their messages. */
  const empty = async (queues: readonly QueueDriver[], tick: () => unknown): Promise<void> => {
    for (let index = 0; index < 3; index++) await tick()
    for (const one of queues) await one.purge?.()
  }

  it('memory answers as the model does along its paths', async () => {
    const options = { prefix: 'models' }
    const [queue, dead] = [
      await memory.queue(options, declared('dead')),
      await memory.queue(options, declared()),
    ]
    await driveAll(queueModel(), 8000, async () => {
      await empty([queue, dead], tickHere)
      return queueSubject(queue, dead, tickHere)
    })
  })

  it('SQLite answers as the model does along its paths', async () => {
    const [queue, dead] = [await sqlite.queue({}, declared('dead')), await sqlite.queue({}, declared())]
    await driveAll(queueModel(), 8000, async () => {
      await empty([queue, dead], tickHere)
      return queueSubject(queue, dead, tickHere)
    })
    await queue.close?.()
    await dead.close?.()
  })

  it.skipIf(!answers)('Postgres answers as the model does along its paths', async () => {
    const [queue, dead] = [await postgres.queue(onPostgres, declared('dead')), await postgres.queue(onPostgres, declared())]
    const tick = async (): Promise<void> => {
      const tables = await admin`SELECT table_name AS name FROM information_schema.columns WHERE table_schema = ${schema} AND column_name = 'visible_at'`
      for (const { name } of tables)
        await admin.unsafe(`UPDATE ${schema}."${name}" SET visible_at = visible_at - interval '${TICK} seconds'`)
    }
    await driveAll(queueModel(), 500, async () => {
      await empty([queue, dead], tick)
      return queueSubject(queue, dead, tick)
    })
    await queue.close?.()
    await dead.close?.()
  }) // prettier-ignore
})

const DATABASES: [name: string, steps: number, available: boolean, open: () => Promise<SqlDriver>][] = [
  ['SQLite', 8000, true, async () => sqlite.sql({ path: ':memory:' }, context({ declaration: declareSql() }))],
  ['Postgres', 1000, answers, async () => postgres.sql(onPostgres, context({ declaration: declareSql() }))],
] // prettier-ignore

describe.each(DATABASES)('in %s', (name, steps, available, open) => {
  it.skipIf(!available)(
    `the owners of objects in ${name} are those of the model along its paths`,
    async () => {
      const driver = await open()
      await makeTables(driver)
      await driveAll(ownersModel(), steps, async () => {
        await driver.query({ text: 'DELETE FROM unmoor_host_owners', params: [] })
        return ownersSubject(driver)
      })
      await driver.close?.()
    },
  )

  it.skipIf(!available)(
    `the claims of transfers in ${name} are those of the model along its paths`,
    async () => {
      const driver = await open()
      await driveAll(claimModel(), steps / 2, async () => {
        await driver.query({ text: 'DROP TABLE IF EXISTS unmoor_claims', params: [] })
        return claimSubject(driver)
      })
      await driver.close?.()
    },
  )
})

describe('deploys', () => {
  it('the store of a host has the versions of the model along its paths', async () => {
    const store = await openStore(
      { sql: { driver: 'sqlite' }, blob: { driver: 'fs' } },
      join(dataDir, 'host'),
    )
    await driveAll(deployModel(), 500, () => deploySubject(store))
    await store.close()
  })
})
