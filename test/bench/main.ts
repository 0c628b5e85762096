/**
 * `npm run bench -- [GROUP...] [--commit SHA] [--only ID...] [--json] [--rounds N] [--seconds N] [--quick]`
 */
import { parseArgs } from 'node:util'
import type { BenchGroup, BenchOptions, BenchResult } from './bench.ts'
import { checkOut, CommitError } from './commit.ts'
import { bindingsGroup } from './groups/bindings.ts'
import { buildGroup } from './groups/build.ts'
import { cloudflareGroup } from './groups/cloudflare.ts'
import { isolateGroup } from './groups/isolate.ts'
import { isolateTenantsGroup } from './groups/isolate-tenants.ts'
import { lambdaGroup } from './groups/lambda.ts'
import { nodeGroup } from './groups/node.ts'
import { scaleGroup } from './groups/scale.ts'
import { workerGroup } from './groups/worker.ts'
import { createLoadGenerator } from './load.ts'
import { printTable } from './table.ts'

/** In the order of a run that names none. */
const GROUPS: readonly BenchGroup[] = [
  nodeGroup,
  cloudflareGroup,
  lambdaGroup,
  isolateGroup,
  isolateTenantsGroup,
  bindingsGroup,
  buildGroup,
  workerGroup,
  scaleGroup,
]

const USAGE = `npm run bench -- [GROUP...] [--commit SHA] [--only ID]... [--json] [--rounds N] [--seconds N] [--quick]

Groups: ${GROUPS.map(({ name }) => name).join(', ')} (default: all)
  --commit SHA compare with that commit of this repository in place of the peers, round by round
  --only ID    of these groups only that id, or all below it (isolate.start: isolate.start.pooled too); may be given often
  --rounds N   rounds per id (default 9)
  --seconds N  seconds of load per server and round (default 2)
  --quick      3 rounds of 1 second: for a look, not for a claim
  --json       one JSON line last`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      commit: { type: 'string' },
      quick: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) {
    console.log(USAGE)
    return
  }
  // `isolate` stands for `isolate.tenants` too.
  const isNamed = (group: BenchGroup, name: string): boolean =>
    group.name === name || group.name.startsWith(`${name}.`)
  const unknown = positionals.filter((name) => !GROUPS.some((group) => isNamed(group, name)))
  if (unknown.length > 0) throw new UsageError(`There is no group "${unknown.join('", "')}".`)
  const { only } = values
  const wants = (...ids: string[]): boolean =>
    only === undefined || ids.some((id) => only.some((name) => id === name || id.startsWith(`${name}.`)))
  const named =
    positionals.length === 0
      ? GROUPS
      : GROUPS.filter((group) => positionals.some((name) => isNamed(group, name)))
  const groups = named.filter(({ ids }) => wants(...ids))
  if (groups.length === 0)
    throw new UsageError(`There is no id ${only?.join(', ')} in ${named.map(({ name }) => name).join(', ')}.`)
  const log = (line: string): void => void process.stderr.write(`${line}\n`)
  const leftOut = new Set<string>()
  const limits = {
    rounds: count('rounds', values.rounds, values.quick === true ? 3 : 9),
    seconds: count('seconds', values.seconds, values.quick === true ? 1 : 2),
  }
  const other = values.commit === undefined ? undefined : await checkOut(values.commit, log)
  const load = createLoadGenerator()
  const options: BenchOptions = {
    ...limits,
    load,
    wants,
    base: other?.subject,
    leaveOut(ids, why) {
      for (const id of ids) leftOut.add(id)
      console.log(`\nleft out: ${ids.join(', ')}: ${why}`)
    },
    log,
  }
  console.log(
    `node ${process.version}; load: ${load.name}; ${options.rounds} rounds of ${options.seconds} s${other === undefined ? '' : `; against ${other.subject.name}`}`,
  )
  const results: BenchResult[] = []
  try {
    for (const group of groups) {
      const measured = await group.run(options)
      const missing = group.ids.filter(
        (id) => wants(id) && !leftOut.has(id) && !measured.some((result) => result.id === id),
      )
      if (missing.length > 0)
        throw new Error(`The group ${group.name} gave no figures for ${missing.join(', ')}.`)
      printTable(measured)
      results.push(...measured)
    }
  } finally {
    load.close()
    other?.remove()
  }
  if (values.json === true) console.log(JSON.stringify({ results }))
}

class UsageError extends Error {}

function count(name: string, text: string | undefined, preset: number): number {
  const value = text === undefined ? preset : Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name} takes a whole number from 1, not "${text}".`)
  return value
}

try {
  await main()
} catch (error) {
  const usage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
  console.error(
    usage ? `${(error as Error).message}\n\n${USAGE}` : error instanceof CommitError ? error.message : error,
  )
  process.exitCode = usage || error instanceof CommitError ? 2 : 1
}
