/** Environments of a function, with real processes that speak the Runtime API by hand. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEnvironments, type Environments } from '../../adapters/lambda/local/environments.ts'
import type { Launch } from '../../adapters/lambda/local/launch.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'unmoor-environments-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/**
 * Answers each event with its own text after 300 ms, and the event "never" not at all. With STUCK it never asks
 * for an event, with LOOPS for as many at once.
 */
const RUNTIME = `
const base = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/2018-06-01/runtime/invocation/'
async function work() {
  for (;;) {
    const next = await fetch(base + 'next')
    const event = await next.text()
    await new Promise((resolve) => setTimeout(resolve, event === '"never"' ? 1e9 : 300))
    await fetch(base + next.headers.get('lambda-runtime-aws-request-id') + '/response', { method: 'POST', body: event })
  }
}
if (process.env.STUCK) setInterval(() => {}, 1000)
else for (let loop = Number(process.env.LOOPS ?? 1); loop > 0; loop--) void work()
`

async function launchWith(variables: (start: number) => Record<string, string>): Promise<Launch> {
  const file = join(dir, 'runtime.mjs')
  await writeFile(file, RUNTIME)
  let starts = 0
  return (address) => {
    const child = spawn(process.execPath, [file], {
      env: { ...variables(starts++), AWS_LAMBDA_RUNTIME_API: address },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { child, kill: () => child.kill('SIGKILL') }
  }
}

async function bodies(environments: Environments, count: number): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, n) => environments.invoke(JSON.stringify({ n }))),
  )
  return answers.map((answer) => (answer.kind === 'buffered' ? answer.payload : answer.kind))
}

describe('environments of a function', () => {
  it('start a second time where the first took too long, and lose no event', async () => {
    let starts = 0
    const launch = await launchWith((start) => {
      starts++
      return start === 1 ? { STUCK: '1' } : {}
    })
    // A start that takes a busy machine over a second is made once more too.
    const environments = createEnvironments({ launch, max: 2, initTimeout: 1, timeout: 60 })
    expect(await bodies(environments, 8)).toEqual(Array.from({ length: 8 }, (_, n) => JSON.stringify({ n })))
    await expect.poll(() => environments.pids.length).toBe(2)
    await expect.poll(() => starts).toBeGreaterThanOrEqual(3)
    await environments.stop()
  })

  it('start a second time also where no event waits yet', async () => {
    let starts = 0
    const launch = await launchWith(() => (++starts === 1 ? { STUCK: '1' } : {}))
    const environments = createEnvironments({ launch, initTimeout: 1, timeout: 60 })
    await environments.start()
    expect(starts).toBe(2)
    await environments.stop()
  })

  it("that never start fail with a time-out that says so, once the function's own time is over too", async () => {
    const environments = createEnvironments({
      launch: await launchWith(() => ({ STUCK: '1' })),
      initTimeout: 0.5,
      timeout: 1,
    })
    await expect(environments.invoke('{}')).rejects.toMatchObject({
      code: 'Timeout',
      message: expect.stringContaining('asked for no event within 1 s') as string,
    })
    await environments.stop()
  })

  it('that are to end for one event that took too long get no other', async () => {
    const launch = await launchWith(() => ({ LOOPS: '2' }))
    const pids: (number | undefined)[] = []
    const environments = createEnvironments({
      launch(address) {
        const launched = launch(address)
        pids.push(launched.child.pid)
        // A process that was killed may live on for a moment.
        return { ...launched, kill: () => setTimeout(launched.kill, 500) }
      },
      concurrency: 2,
      timeout: 5,
    })
    await environments.start()
    await expect(environments.invoke('"never"')).rejects.toMatchObject({ code: 'Timeout' })
    expect(await bodies(environments, 1)).toEqual(['{"n":0}'])
    expect(pids).toHaveLength(2)
    await environments.stop()
  })
})
