/**
 * An existing Worker, unmodified, on the targets node and isolate, against the same Worker in workerd with
 * miniflare's simulators.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type BenchGroup,
  type BenchOptions,
  type BenchResult,
  median,
  round,
  runWanted,
  summarize,
} from '../bench.ts'
import { compareServers, type Contender, startScript } from '../contender.ts'
import { sameApps, startHost } from '../host-server.ts'
import { type Subject, subjectsOf } from '../subject.ts'

const KINDS = ['kv', 'd1', 'r2'] as const
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Ids of what one kind's rounds give. */
function idsOf(kind: string): string[] {
  return [`worker.${kind}`, `worker.${kind}.isolate`]
}

export const workerGroup: BenchGroup = {
  name: 'worker',
  ids: [...KINDS.flatMap(idsOf), 'worker.start'],
  async run(options) {
    const scratch = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
    try {
      return await runWanted(options, [
        [KINDS.flatMap(idsOf), () => bindings(scratch, options)],
        ['worker.start', () => start(scratch, options)],
      ])
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

async function startTarget(
  name: string,
  subject: Subject,
  target: string,
  projectDir: string,
): Promise<Contender> {
  const built = await subject.build({ projectDir, target, worker: 'wrangler.jsonc' })
  const dataDir = join(projectDir, 'data', target)
  await mkdir(dataDir, { recursive: true })
  const runtime = await built.adapter.start({
    dir: built.outDir,
    info: built.info,
    dataDir,
    port: 0,
    variables: {},
    log: { info() {}, warn() {} },
  })
  return { name, url: runtime.url, pids: runtime.pids, stop: () => runtime.stop() }
}

const isolateName = ({ name }: Subject): string => (name === 'ours' ? 'isolate' : `${name}, isolate`)

/**
 * All in one run, told as two results: Node, and the isolate, each against miniflare or the other commit's.
 */
async function bindings(scratch: string, options: BenchOptions): Promise<BenchResult[]> {
  const contenders: Contender[] = []
  try {
    for (const [index, subject] of subjectsOf(options).entries()) {
      const projectDir = join(scratch, `worker-${index}`)
      await cp(subject.file('apps/existing-worker'), projectDir, {
        recursive: true,
        filter: (source) => !source.includes('.unmoor'),
      })
      contenders.push(await startTarget(subject.name, subject, 'node', projectDir))
      contenders.push(await startTarget(isolateName(subject), subject, 'isolate', projectDir))
      if (options.base === undefined)
        contenders.push(await startScript('miniflare', here('../servers/worker-simulator.ts'), [projectDir]))
    }
    for (const { name, url } of contenders) {
      const answer = await fetch(`${url}/set-up`)
      if (answer.status !== 200) throw new Error(`${name} did not set up: ${await answer.text()}`)
    }
    const results: BenchResult[] = []
    for (const kind of KINDS) {
      if (!options.wants(...idsOf(kind))) continue
      const result = await compareServers(
        `worker.${kind}`,
        contenders,
        { method: 'GET', path: `/${kind}` },
        options,
      )
      const { isolate = 0 } = result.against
      const rival = options.base === undefined ? 'miniflare' : isolateName(options.base)
      const figure = result.against[rival] ?? 0
      const own = {
        ours: isolate,
        against: { [rival]: figure },
        ratio: { [rival]: round(figure / isolate) },
        spread: { ...result.spread, ours: result.spread['isolate'] ?? 0 },
      }
      results.push(result, { ...result, ...own, id: `worker.${kind}.isolate`, note: 'from the same rounds' })
    }
    return results
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

/** As many as make a bundle of 500 KB. */
const FUNCTIONS = 3800

/**
 * Milliseconds until a Worker of 500 KB that is not loaded has answered, on a host without a pool; and until
 * miniflare has started and answered.
 */
async function start(scratch: string, options: BenchOptions): Promise<BenchResult> {
  const projectDir = join(scratch, 'large')
  await mkdir(join(projectDir, 'src'), { recursive: true })
  const lines = Array.from(
    { length: FUNCTIONS },
    (_, index) =>
      `export const f${index} = (a, b) => { const text = 'function ${index} of a large Worker'; return a === b ? text + a : { text, sum: a + b, list: [a, b, ${index}] } }`,
  )
  await writeFile(join(projectDir, 'src/large.js'), `${lines.join('\n')}\n`)
  const names = Array.from({ length: FUNCTIONS }, (_, index) => `f${index}`)
  await writeFile(
    join(projectDir, 'src/index.js'),
    `import { ${names.join(', ')} } from './large.js'\nconst all = [${names.join(', ')}]\nexport default { fetch: () => new Response('hello ' + all.length) }\n`,
  )
  await writeFile(
    join(projectDir, 'wrangler.jsonc'),
    JSON.stringify({ name: 'large', main: 'src/index.js', compatibility_date: '2026-07-01' }),
  )
  const figures = new Map<string, number[]>()
  const firsts: string[] = []
  const count = options.rounds + 1
  for (const subject of subjectsOf(options)) {
    const { outDir } = await subject.build({
      projectDir,
      target: 'isolate',
      worker: 'wrangler.jsonc',
      outDir: join(scratch, `large-${subject.name}`),
    })
    const host = await startHost(subject, { processes: 1, pool: 0, apps: sameApps('large', count, outDir) })
    const times: number[] = []
    try {
      for (let index = 1; index <= count; index++)
        times.push(await firstAnswer(host.url, `large${index}.localhost`))
    } finally {
      await host.stop()
    }
    // The first app of all also compiles the web API, once per process.
    figures.set(subject.name, times.slice(1))
    firsts.push(
      `the first of the process ${subject.name}: ${round(times[0] ?? 0)} ms; median of ${count - 1}: ${round(median(times.slice(1)))} ms`,
    )
  }
  figures.set('limit', [30])
  if (options.base === undefined)
    figures.set('miniflare', await simulatorStarts(projectDir, Math.min(3, options.rounds)))
  return { ...summarize('worker.start', 'ms', figures), note: firsts.join(' | ') }
}

async function simulatorStarts(projectDir: string, count: number): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const began = performance.now()
    const contender = await startScript('miniflare', here('../servers/worker-simulator.ts'), [projectDir])
    await (await fetch(contender.url)).text()
    times.push(performance.now() - began)
    await contender.stop()
  }
  return times
}

function firstAnswer(url: string, hostName: string): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const call = request(url, { headers: { host: hostName } }, (answer) => {
      answer.resume()
      answer.once('end', () =>
        answer.statusCode === 200
          ? resolve(performance.now() - began)
          : reject(new Error(`${hostName} answered ${answer.statusCode}`)),
      )
    })
    call.once('error', reject)
    call.end()
  })
}
