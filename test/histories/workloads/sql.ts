import { sql as declareSql } from '../../../core/bindings/declarations.ts'
import type { SqlDriver, SqlQuery, SqlTransactionDriver } from '../../../core/bindings/drivers.ts'
import { checkSqlLists, type ListOperation, type ListStep } from '../checkers/sql-lists.ts'
import { drawClients, runClients, untilThere, type Worker, type Workload } from './workload.ts'

/**
 * A transaction. `interactive` reads before it writes, `batch` appends only, since a batch is promised to be
 * atomic and not to be serializable, and `leave` takes a guard off duty if two are on it.
 */
interface ListsStep {
  readonly do: 'interactive' | 'batch' | 'leave'
  /** First list, or the pair of guards. */
  readonly key: string
  /** Steps on lists: key, and if true an append, else a read. */
  readonly steps: readonly (readonly [key: string, appends: boolean])[]
}

const LISTS = 5
const PAIRS = 40
const ALL = Array.from({ length: LISTS }, (_, index) => `l${index}`)

/** Clients whose transactions append to lists that others read, and leave pairs of guards. */
export const sql: Workload = {
  plan: (draw, processes) =>
    drawClients(processes, Math.ceil(9 / processes), 24, () => {
      const share = draw.int(100)
      if (share < 25) return { do: 'leave', key: `g${draw.int(PAIRS)}`, steps: [] }
      const steps = Array.from(
        { length: 1 + draw.int(4) },
        () => [`l${draw.int(LISTS)}`, share >= 70 || draw.percent(50)] as const,
      )
      return { do: share < 70 ? 'interactive' : 'batch', key: steps[0]?.[0] ?? '', steps }
    }),

  async start(worker) {
    const driver = (await worker.open('sql', declareSql(), 'db')) as SqlDriver
    const statements = statementsOf(driver.dialect)
    await untilThere(async () =>
      driver.exclusive?.(async () => {
        for (const text of statements.create) await driver.query({ text, params: [] })
      }),
    )
    let next = 0
    return {
      done: runClients<ListsStep>(worker, async (step, at) => {
        // Unique over all clients and steps; a client's steps are run once.
        const value = (): number => at[0] * 1_000_000 + at[1] * 1_000 + (next++ % 1_000)
        await transaction(worker, driver, statements, { step, at, value })
      }),
      async finish() {
        const steps = ALL.map((key) => [key, false] as const)
        const step: ListsStep = { do: 'interactive', key: '', steps }
        await transaction(worker, driver, statements, { step, at: undefined, value: () => 0 })
      },
    }
  },

  judge: (operations) => checkSqlLists(operations as readonly ListOperation[]),
}

interface Statements {
  readonly create: readonly string[]
  readonly read: string
  readonly append: string
  readonly write: string
  readonly count: string
  readonly leave: string
}

function statementsOf(dialect: 'sqlite' | 'postgres'): Statements {
  const p = dialect === 'sqlite' ? '?' : '$'
  const upsert = `INSERT INTO lists (key, list) VALUES (${p}1, ${p}2) ON CONFLICT (key) DO UPDATE SET list =`
  return {
    create: [
      'CREATE TABLE IF NOT EXISTS lists (key TEXT PRIMARY KEY, list TEXT NOT NULL)',
      'CREATE TABLE IF NOT EXISTS off_duty (pair TEXT, guard INTEGER, PRIMARY KEY (pair, guard))',
    ],
    read: `SELECT list FROM lists WHERE key = ${p}1`,
    append: `${upsert} lists.list || excluded.list`,
    write: `${upsert} excluded.list`,
    count: `SELECT guard FROM off_duty WHERE pair = ${p}1`,
    leave: `INSERT INTO off_duty (pair, guard) VALUES (${p}1, ${p}2)`,
  }
}

/** A list is stored as its numbers, each followed by a comma. */
const toList = (rows: readonly (readonly unknown[])[]): number[] =>
  String(rows[0]?.[0] ?? '')
    .split(',')
    .slice(0, -1)
    .map(Number)

interface Todo {
  readonly step: ListsStep
  readonly at: readonly [client: number, step: number] | undefined
  readonly value: () => number
}

async function transaction(
  { recorder }: Worker,
  driver: SqlDriver,
  statements: Statements,
  { step, at, value }: Todo,
): Promise<void> {
  const guard = (at?.[0] ?? 0) % 2
  const steps: ListStep[] =
    step.do === 'leave'
      ? [
          { do: 'count', pair: step.key },
          { do: 'leave', pair: step.key, guard },
        ]
      : step.steps.map(([key, appends]) =>
          appends ? { do: 'append', key, value: value() } : { do: 'read', key },
        )
  await recorder.call(
    { steps, serializable: step.do !== 'batch' },
    !steps.some((one) => one.do === 'append' || one.do === 'leave'),
    () => (step.do === 'batch' ? batch(driver, statements, steps) : interactive(driver, statements, steps)),
    (done) => done,
    at,
  )
}

async function batch(
  driver: SqlDriver,
  statements: Statements,
  steps: readonly ListStep[],
): Promise<ListStep[]> {
  const appends = steps.filter((step) => step.do === 'append')
  await driver.batch(
    appends.map(({ key, value }): SqlQuery => ({ text: statements.append, params: [key, `${value},`] })),
  )
  return appends
}

async function interactive(
  driver: SqlDriver,
  statements: Statements,
  steps: readonly ListStep[],
): Promise<ListStep[]> {
  const open = (await driver.begin?.()) as SqlTransactionDriver
  const done: ListStep[] = []
  try {
    for (const step of steps) {
      const next = await runStep(open, statements, step, done)
      if (next === undefined) break
      done.push(next)
    }
  } catch (error) {
    // The error of the statement is the one that tells; after it the transaction is rolled back for certain.
    await open.rollback().catch(() => {})
    throw error
  }
  await open.commit()
  return done
}

/** Runs one step; undefined if the guard must stay, which ends the transaction. */
async function runStep(
  open: SqlTransactionDriver,
  statements: Statements,
  step: ListStep,
  done: readonly ListStep[],
): Promise<ListStep | undefined> {
  switch (step.do) {
    case 'read':
      return { ...step, list: toList((await open.query({ text: statements.read, params: [step.key] })).rows) }
    case 'append': {
      // Half of the appends write the whole list that they read, as an app does that knows no better.
      if (step.value % 2 === 0)
        await open.query({ text: statements.append, params: [step.key, `${step.value},`] })
      else {
        const list = toList((await open.query({ text: statements.read, params: [step.key] })).rows)
        const text = [...list, step.value].map((value) => `${value},`).join('')
        await open.query({ text: statements.write, params: [step.key, text] })
      }
      return step
    }
    case 'count':
      return {
        ...step,
        count: 2 - (await open.query({ text: statements.count, params: [step.pair] })).rows.length,
      }
    case 'leave': {
      const [counted] = done
      if (counted?.do !== 'count' || counted.count !== 2) return undefined
      await open.query({ text: statements.leave, params: [step.pair, step.guard] })
      return step
    }
  }
}
