/**
 * Cost that must not grow: one operation at three sizes of what lies behind it, ours beside the same work by
 * hand. CPU time of the process per operation, with the exponent of its growth.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type BenchGroup,
  type BenchOptions,
  type BenchResult,
  median,
  runWanted,
  summarize,
} from '../bench.ts'
import { WORKS } from '../scale/all-works.ts'
import type { Figures, ScaleWork } from '../scale/work.ts'
import { NotThere, subjectsOf } from '../subject.ts'

const CHILD = fileURLToPath(new URL('../scale/child.ts', import.meta.url))
/** Filling takes most of the time, so rounds are short and few. */
const SECONDS = 0.5
const ROUNDS = 5

export const scaleGroup: BenchGroup = {
  name: 'scale',
  ids: Object.entries(WORKS).flatMap(([id, work]) => idsOf(id, work)),
  run: (options) =>
    runWanted(
      options,
      Object.entries(WORKS).map(([id, work]) => [idsOf(id, work), () => compare(id, work, options)]),
    ),
}

function idsOf(id: string, { sizes }: ScaleWork): string[] {
  return sizes.map((size) => `${id}.${size}`)
}

async function compare(id: string, work: ScaleWork, options: BenchOptions): Promise<BenchResult[]> {
  const contenders: [name: string, contender: string][] = subjectsOf(options).map(({ name, root }) => [
    name,
    root,
  ])
  contenders.push(['floor', 'floor'])
  const figures: Map<string, Figures[]>[] = []
  for (const size of work.sizes) {
    figures.push(await measureSize([id, size], contenders, options))
    options.log(`${id}: ${size}`)
  }
  const cost = (name: string, at: number): number =>
    median((figures[at]?.get(name) ?? []).map(({ cpu, operations }) => cpu / operations))
  /**
   * Taken from the growth from the middle size to the largest: the smallest is mostly what each operation
   * costs.
   */
  const exponent = (name: string): string => Math.log10(cost(name, 2) / cost(name, 1)).toFixed(2)
  return work.sizes.map((size, at) => {
    const measured = figures[at] as Map<string, Figures[]>
    return {
      ...summarize(
        `${id}.${size}`,
        'cpu us/operation',
        new Map(
          [...measured].map(([name, list]) => [name, list.map(({ cpu, operations }) => cpu / operations)]),
        ),
      ),
      note: [
        ...(at === 0 ? [work.what] : []),
        ...[...measured].map(([name, list]) =>
          [
            `${name}: held up ${heldUp(list)}`,
            ...(at === 2 ? [`exponent ${exponent(name)}`] : []),
            ...[list.at(-1)?.note ?? []].flat(),
          ].join(', '),
        ),
      ].join('; '),
    }
  })
}

/** How long the event loop stood still at most: in a usual round, and in all. */
function heldUp(list: readonly Figures[]): string {
  const times = list.map(({ held }) => held)
  return `${median(times).toFixed(1)} ms (${Math.max(...times).toFixed(1)} at most)`
}

async function measureSize(
  [id, size]: [id: string, size: number],
  contenders: readonly [name: string, contender: string][],
  options: BenchOptions,
): Promise<Map<string, Figures[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-scale-'))
  const children: [name: string, child: ChildProcess][] = []
  const firsts = new Map<string, number>()
  try {
    for (const [name, contender] of contenders) {
      const own = await mkdtemp(join(folder, 'x-'))
      const child = fork(CHILD, [id, contender, String(size), own], { execArgv: ['--no-warnings'] })
      children.push([name, child])
      const { held } = (await answerOf(child).catch((error: unknown) => {
        throw name === options.base?.name ? new NotThere(`${name} has no part that this works on`) : error
      })) as Pick<Figures, 'held'>
      firsts.set(name, held)
    }
    const figures = new Map<string, Figures[]>(children.map(([name]) => [name, []]))
    const rounds = Math.min(options.rounds, WORKS[id]?.rounds ?? ROUNDS)
    for (let index = 0; index < rounds; index++)
      for (let turn = 0; turn < children.length; turn++) {
        const [name, child] = children[(turn + index) % children.length] as (typeof children)[number]
        child.send({ seconds: SECONDS })
        const found = (await answerOf(child)) as Figures
        if (index === 0) found.held = Math.max(found.held, firsts.get(name) ?? 0)
        figures.get(name)?.push(found)
      }
    return figures
  } finally {
    await Promise.all(
      children.map(async ([, child]) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.disconnect()
        await once(child, 'exit')
      }),
    )
    await rm(folder, { recursive: true, force: true })
  }
}

/** The next message of a child. @throws where it ends before. */
function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void =>
      reject(new Error(`A work of scale ended with code ${code}.`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message)
    })
  })
}
