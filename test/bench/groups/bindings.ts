/**
 * Bindings through the portable classes and drivers, against the bare clients doing the same work, and
 * unstorage. CPU time of the process per operation.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import postgres from 'postgres'
import {
  type BenchGroup,
  type BenchOptions,
  type BenchResult,
  type Measurement,
  median,
  round,
  runWanted,
  summarize,
} from '../bench.ts'
import { KV } from '../bindings/kv.ts'
import { QUEUE } from '../bindings/queue.ts'
import { SQL } from '../bindings/sql.ts'
import type { Contenders, Place } from '../bindings/work.ts'
import { importTime } from '../import-time.ts'
import { ours, type Subject } from '../subject.ts'

const WORKS: Readonly<Record<string, Contenders>> = { ...KV, ...SQL, ...QUEUE }
/** What does the work, in the checkout whose drivers it uses. */
const CHILD = 'bindings/child.ts'
const POSTGRES = process.env['UNMOOR_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const REDIS = process.env['UNMOOR_TEST_REDIS'] ?? 'redis://127.0.0.1:6379'

export const bindingsGroup: BenchGroup = {
  name: 'bindings',
  ids: [...Object.keys(WORKS), 'bindings.import'],
  async run(options) {
    const works = Object.entries(WORKS).map(([id, contenders]): Measurement => [
      id,
      () => compare(id, contenders, options),
    ])
    return runWanted(options, [...works, ['bindings.import', () => importTime(options)]])
  },
}

/** One process per contender, in turn, the order turning with each round. */
async function compare(id: string, contenders: Contenders, options: BenchOptions): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
  const schemas: string[] = []
  const children: [name: string, child: ChildProcess][] = []
  try {
    for (const [name, contender, subject] of rivals(contenders, options)) {
      const schema = `unmoor_bench_${randomUUID().replaceAll('-', '')}`
      schemas.push(schema)
      const place: Place = { folder, postgres: { url: POSTGRES, schema }, redis: { url: REDIS } }
      const child = fork(subject.file(CHILD), [id, contender, JSON.stringify(place)], {
        execArgv: ['--no-warnings'],
      })
      await ask(child)
      children.push([name, child])
    }
    await checkAnswers(id, children)
    const cpu = new Map<string, number[]>(children.map(([name]) => [name, []]))
    const rate = new Map<string, number[]>(children.map(([name]) => [name, []]))
    for (const [, child] of children) await ask(child, { seconds: 0.5 })
    for (let index = 0; index < options.rounds; index++) {
      for (let turn = 0; turn < children.length; turn++) {
        const [name, child] = children[(turn + index) % children.length] as (typeof children)[number]
        const { operations, cpu: used } = (await ask(child, { seconds: options.seconds })) as {
          operations: number
          cpu: number
        }
        cpu.get(name)?.push(used / operations)
        rate.get(name)?.push(operations / options.seconds)
      }
      options.log(`${id}: round ${index + 1} of ${options.rounds}`)
    }
    return {
      ...summarize(id, 'cpu us/operation', cpu),
      rps: Object.fromEntries([...rate].map(([name, list]) => [name, round(median(list))])),
    }
  } finally {
    for (const [, child] of children) {
      child.send('end')
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
    if (id.includes('postgres')) {
      const sql = postgres(POSTGRES, { max: 1, onnotice: () => {} })
      for (const schema of schemas) await sql.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      await sql.end()
    }
  }
}

/** Who is compared: a name, what the child calls it, and whose child it is. */
function rivals(
  contenders: Contenders,
  { base }: BenchOptions,
): (readonly [name: string, contender: string, subject: Subject])[] {
  if (base !== undefined)
    return [
      ['ours', 'ours', ours],
      [base.name, 'ours', base],
    ]
  return Object.keys(contenders).map((name) => [name, name, ours])
}

/** The child's next message. */
function ask(child: ChildProcess, message?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`A contender ended with code ${code}.`))
    child.once('exit', ended)
    child.once('message', (answer) => {
      child.off('exit', ended)
      resolve(answer)
    })
    if (message !== undefined) child.send(message)
  })
}

/** Who does less work would win. */
async function checkAnswers(
  id: string,
  children: readonly (readonly [string, ChildProcess])[],
): Promise<void> {
  const answers = await Promise.all(
    children.map(async ([name, child]) => [name, await ask(child, { answer: 7 })] as const),
  )
  for (const [name, answer] of answers) {
    if (!id.endsWith('.put') && !isDeepStrictEqual(answer, answers[0]?.[1]))
      throw new Error(
        `${id}: ${name} gives ${JSON.stringify(answer)}, and ours ${JSON.stringify(answers[0]?.[1])}`,
      )
  }
}
