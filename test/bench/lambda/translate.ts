import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type BenchOptions, type BenchResult, round, summarize } from '../bench.ts'
import { ours, type Subject } from '../subject.ts'

/** Who is compared: a name, what the server calls it, and whose server it is. */
type Translator = readonly [name: string, contender: string, subject: Subject]

function translators({ base }: BenchOptions): readonly Translator[] {
  const own: Translator = ['ours', 'ours', ours]
  if (base !== undefined) return [own, [base.name, 'ours', base]]
  return [own, ['hono/aws-lambda', 'hono/aws-lambda', ours], ['srvx/aws-lambda', 'srvx/aws-lambda', ours]]
}

export const KINDS = ['v2', 'v1', 'alb'] as const

/**
 * CPU time from event to result within one process, a process per contender and kind of event; and the sum of
 * the kinds.
 */
export async function compareTranslations(id: string, options: BenchOptions): Promise<BenchResult[]> {
  const results: BenchResult[] = []
  for (const kind of KINDS) results.push(await compareKind(`${id}.${kind}`, kind, options))
  return [
    sum(
      id,
      results,
      translators(options).map(([name]) => name),
    ),
    ...results,
  ]
}

async function compareKind(id: string, kind: string, options: BenchOptions): Promise<BenchResult> {
  const children = await Promise.all(
    translators(options).map(async ([name, contender, subject]) => ({
      name,
      child: await start(subject, contender, kind),
    })),
  )
  try {
    const answers = await Promise.all(
      children.map(async ({ name, child }) => ({
        name,
        answers: JSON.stringify(await ask(child, { check: true })),
      })),
    )
    for (const { name, answers: given } of answers) {
      if (given !== answers[0]?.answers)
        throw new Error(
          `${id}: ${name} answers otherwise than ${answers[0]?.name}: ${given} against ${answers[0]?.answers}`,
        )
    }
    const cpu = new Map<string, number[]>(children.map(({ name }) => [name, []]))
    for (const { child } of children) await ask(child, { ms: 1000 })
    for (let index = 0; index < options.rounds; index++) {
      for (let turn = 0; turn < children.length; turn++) {
        const { name, child } = children[(turn + index) % children.length] as (typeof children)[0]
        const { cpu: used, count } = (await ask(child, { ms: options.seconds * 250 })) as {
          cpu: number
          count: number
        }
        cpu.get(name)?.push(used / count)
      }
    }
    options.log(`${id}: ${options.rounds} rounds`)
    return summarize(id, 'cpu us/event', cpu)
  } finally {
    for (const { child } of children) child.disconnect()
  }
}

async function start(subject: Subject, contender: string, kind: string): Promise<ChildProcess> {
  const child = fork(subject.file('servers/lambda-translate.ts'), [contender, kind], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  return child
}

async function ask(child: ChildProcess, message: object): Promise<unknown> {
  child.send(message)
  const [answer] = (await once(child, 'message')) as [unknown]
  return answer
}

/** One event of each kind. */
function sum(id: string, results: readonly BenchResult[], names: readonly string[]): BenchResult {
  const total = (of: (result: BenchResult) => number | undefined): number =>
    round(results.reduce((all, result) => all + (of(result) ?? 0), 0))
  const ours = total((result) => result.ours)
  const peers = names.slice(1)
  const against = Object.fromEntries(peers.map((name) => [name, total((result) => result.against[name])]))
  const spread = Object.fromEntries(
    names.map((name) => [name, Math.max(...results.map((result) => result.spread[name] ?? 0))]),
  )
  const ratio = Object.fromEntries(peers.map((name) => [name, round((against[name] ?? 0) / ours)]))
  return { id, unit: 'cpu us', ours, against, ratio, spread, note: `one event of each: ${KINDS.join(', ')}` }
}
