import { type BenchOptions, type BenchResult, median, round, summarize } from '../bench.ts'
import { cpuTime, threadTime } from '../process-cpu.ts'
import { type FunctionProcess, startFunction, type StartedFunction } from './environment.ts'
import { v2Event } from './events.ts'

/**
 * Milliseconds from the spawn to the first call for an event; several starts of each contender in every
 * round.
 */
export async function compareStarts(
  id: string,
  functions: readonly FunctionProcess[],
  options: BenchOptions,
): Promise<BenchResult> {
  const times = new Map<string, number[]>(functions.map(({ name }) => [name, []]))
  const cpu = new Map<string, number[]>(functions.map(({ name }) => [name, []]))
  // Once for the file cache.
  for (const one of functions) await (await startFunction(one)).stop()
  for (let index = 0; index < options.rounds * STARTS; index++) {
    for (let turn = 0; turn < functions.length; turn++) {
      const one = functions[(turn + index) % functions.length] as FunctionProcess
      const started = await startFunction(one)
      times.get(one.name)?.push(started.ms)
      cpu.get(one.name)?.push(threadTime(started.pid))
      await started.stop()
    }
    if (index % STARTS === STARTS - 1)
      options.log(`${id}: round ${(index + 1) / STARTS} of ${options.rounds}`)
  }
  // Beside the time, which on a busy machine is mostly waiting for a core.
  const note = `CPU ms: ${[...cpu].map(([name, values]) => `${name} ${median(values).toFixed(1)}`).join(', ')}`
  return { ...summarize(id, 'ms', times), note }
}

const STARTS = 5

/**
 * CPU time of the function's process per invocation, one event after another. Answers are compared first: who
 * does less work would win.
 */
export async function compareInvocations(
  id: string,
  functions: readonly FunctionProcess[],
  options: BenchOptions,
): Promise<BenchResult> {
  const running: (StartedFunction & { name: string })[] = []
  try {
    for (const one of functions) running.push({ ...(await startFunction(one)), name: one.name })
    const payload = JSON.stringify(v2Event('GET'))
    const answers = await Promise.all(
      running.map(async ({ name, api }) => ({ name, answer: await answer(api, payload) })),
    )
    for (const { name, answer: given } of answers) {
      if (given !== answers[0]?.answer)
        throw new Error(
          `${id}: ${name} answers otherwise than ${answers[0]?.name}: ${given} against ${answers[0]?.answer}`,
        )
    }
    const cpu = new Map<string, number[]>(running.map(({ name }) => [name, []]))
    const rps = new Map<string, number[]>(running.map(({ name }) => [name, []]))
    for (const one of running) await invokeFor(one, payload, 1000)
    for (let index = 0; index < options.rounds; index++) {
      for (let turn = 0; turn < running.length; turn++) {
        const one = running[(turn + index) % running.length] as (typeof running)[0]
        const before = cpuTime([one.pid])
        const { count, ms } = await invokeFor(one, payload, options.seconds * 1000)
        cpu.get(one.name)?.push((cpuTime([one.pid]) - before) / count)
        rps.get(one.name)?.push((count / ms) * 1000)
      }
      options.log(`${id}: round ${index + 1} of ${options.rounds}`)
    }
    return {
      ...summarize(id, 'cpu us/event', cpu),
      rps: Object.fromEntries([...rps].map(([name, values]) => [name, round(median(values))])),
    }
  } finally {
    await Promise.all(running.map((one) => one.stop()))
  }
}

async function invokeFor(
  { api }: StartedFunction,
  payload: string,
  milliseconds: number,
): Promise<{ count: number; ms: number }> {
  const started = performance.now()
  let count = 0
  for (; performance.now() - started < milliseconds; count++) {
    const { response, done } = api.invoke({
      payload,
      deadline: Date.now() + 30_000,
      traceId: 'Root=1-67891233-abcdef012345678912345678;Parent=0;Sampled=0',
    })
    await response
    await done
  }
  return { count, ms: performance.now() - started }
}

/** What a client would see. */
async function answer(api: StartedFunction['api'], payload: string): Promise<string> {
  const { response, done } = api.invoke({ payload, deadline: Date.now() + 30_000 })
  const given = await response
  await done
  if (given.kind !== 'buffered') throw new Error(`The answer is no buffered one: ${JSON.stringify(given)}`)
  const { statusCode, headers, body } = JSON.parse(given.payload) as {
    statusCode: number
    headers: Record<string, string>
    body: string
  }
  return JSON.stringify({ statusCode, type: headers['content-type'], body })
}
