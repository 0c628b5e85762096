/**
 * `npm run peers -- --miniflare DIR --workerd DIR [--suite S]... [--target T]... [--timeout S] [--json]`:
 * README.md.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { extract, openCheckout, UsageError } from './checkout.ts'
import { bindingProject, MINIFLARE_TESTS } from './miniflare/suites.ts'
import { type Asked, asked, messages, type Outcomes } from './project.ts'
import { linesOf, reportSuite, type SuiteReport } from './report.ts'
import { startedProjects } from './started/suite.ts'
import { type Peers, SUITE_NAMES, type SuiteName, type SystemName, SYSTEMS } from './suites.ts'
import { apiProjects, sqlProjects, WORKERD_TESTS } from './workerd/suites.ts'
import type { Outcome } from './within/harness.ts'

const USAGE = `npm run peers -- --miniflare DIR --workerd DIR [--suite S]... [--target T]... [--timeout S] [--json]

  --miniflare DIR  a checkout of github.com/cloudflare/workers-sdk
  --workerd DIR    a checkout of github.com/cloudflare/workerd
  --suite S        ${SUITE_NAMES.join(', ')} (default all); may be given often
  --target T       node, isolate (default both); may be given often
  --timeout S      seconds for one test, after which it counts as a hang (default 30)
  --json           one JSON line last`

const say = (line: string): void => void process.stderr.write(`${line}\n`)

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      miniflare: { type: 'string' },
      workerd: { type: 'string' },
      suite: { type: 'string', multiple: true, default: [...SUITE_NAMES] },
      target: { type: 'string', multiple: true, default: ['node', 'isolate'] },
      timeout: { type: 'string', default: '30' },
      json: { type: 'boolean', default: false },
    },
  })
  if (values.miniflare === undefined || values.workerd === undefined)
    throw new UsageError('Give both checkouts. README.md beside this program says how to get them.')
  const wrong =
    values.suite.find((name) => !SUITE_NAMES.includes(name as SuiteName)) ??
    values.target.find((name) => name === 'oracle' || !SYSTEMS.includes(name as SystemName))
  if (wrong !== undefined) throw new UsageError(`There is no ${wrong}.`)
  const timeout = Number(values.timeout)
  if (!(timeout > 0)) throw new UsageError(`--timeout takes seconds, not "${values.timeout}".`)
  const peers: Peers = {
    miniflare: openCheckout('--miniflare', values.miniflare, MINIFLARE_TESTS),
    workerd: openCheckout('--workerd', values.workerd, WORKERD_TESTS),
  }
  const root = await mkdtemp(join(tmpdir(), 'unmoor-peers-'))
  try {
    await extract(peers.miniflare, MINIFLARE_TESTS, root)
    await extract(peers.workerd, WORKERD_TESTS, root)
    const reports: SuiteReport[] = []
    for (const suite of values.suite as SuiteName[])
      reports.push(await runSuite(suite, root, values.target as SystemName[], timeout))
    const commits = { 'workers-sdk': peers.miniflare.commit, workerd: peers.workerd.commit }
    for (const line of linesOf(reports)) console.log(line)
    for (const [peer, commit] of Object.entries(commits)) console.log(`${peer} at ${commit}`)
    const failed = reports.some(({ problems }) => problems.length > 0)
    if (values.json) console.log(JSON.stringify({ failed, commits, suites: reports }))
    return failed ? 1 : 0
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function runSuite(
  suite: SuiteName,
  root: string,
  targets: readonly SystemName[],
  timeout: number,
): Promise<SuiteReport> {
  const projects = await projectsOf(suite, root)
  const all: Partial<Record<SystemName, Outcomes>> = {}
  for (const system of ['oracle', ...targets] as const) {
    const began = Date.now()
    const outcomes = new Map<string, Outcome>()
    for (const project of projects) {
      try {
        for (const [name, outcome] of await project.run(system, timeout)) outcomes.set(name, outcome)
      } catch (error) {
        say(`${suite}: ${messages(error)}`)
      }
    }
    all[system] = outcomes
    say(`${suite}: ${system} ran ${outcomes.size} tests in ${Math.round((Date.now() - began) / 1000)} s`)
  }
  const { oracle = new Map(), ...others } = all
  return reportSuite(suite, oracle, others)
}

async function projectsOf(suite: SuiteName, root: string): Promise<readonly Asked[]> {
  switch (suite) {
    case 'api': {
      const { projects, leftOut } = await apiProjects(root)
      for (const { file, reason } of leftOut) say(`api: ${file} is left out: ${reason}`)
      return projects.map(asked)
    }
    case 'sql':
      return (await sqlProjects(root)).map(asked)
    case 'queues-objects':
      return startedProjects(root)
    default:
      return [asked(await bindingProject(suite, root))]
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  const usage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
  console.error(usage ? `${(error as Error).message}\n\n${USAGE}` : error)
  process.exitCode = usage ? 2 : 1
}
