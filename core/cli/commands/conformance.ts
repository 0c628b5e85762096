import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { TARGETS } from '../../build/adapters.ts'
import { usageError } from '../exit.ts'
import { options as shared } from '../options.ts'
import { createReporter, type Reporter } from '../reporter.ts'
// The suite is a part of the package; nothing else outside of test/ imports it.
import { buildForDeployment, matrixText, reportLine, reportText, runConformance, selectCases, type Report } from '../../../test/conformance/index.ts'

interface Options {
  target: string[]
  url?: string
  token?: string
  filter?: string
  concurrency?: number
  matrix?: string
  checkMatrix?: string
  out?: string
  list?: true
  reporter: 'text' | 'json'
}

/** `unmoor conformance`. */
export function register(program: Command): void {
  program
    .command('conformance')
    .description("run the conformance suite: unmoor's own fixture app, built for each target and run on its real runtime")
    .option('-t, --target <names...>', 'node, cloudflare, lambda, isolate, all, or the path of an adapter', [])
    .option('--url <url>', 'test the fixture app that is deployed there (see --out), in place of a local start; with one target')
    .option('--token <token>', "the deployment's CONFORMANCE_TOKEN, which is its UNMOOR_TEST_TOKEN too (default: the environment's CONFORMANCE_TOKEN)")
    .option('--out <dir>', 'only build the fixture app into this folder, for a deployment; with one target')
    .option('--filter <pattern>', 'only cases whose id contains this, or matches it with * for anything')
    .option('--concurrency <number>', 'cases at once (default: 8; 5 on lambda)', parseCount)
    .option('--matrix <file>', 'write the matrix of targets by case group as Markdown')
    .option('--check-matrix <file>', 'fail if that file is not the matrix of this run')
    .option('--list', 'print the cases with their contracts and run nothing')
    .addOption(shared.reporter())
    .action(conformance)
}

function parseCount(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || count > 256) throw new InvalidArgumentError('It is a whole number from 1 to 256.')
  return count
}

async function conformance(given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  const cases = selectCases(given.filter)
  if (cases.length === 0) throw usageError(`No case matches "${given.filter}". See them all with: unmoor conformance --list`)
  if (given.list) {
    for (const { id, contract } of cases) report.print(`${id}  ${contract}`)
    report.result({ total: cases.length, cases: cases.map(({ id, group, contract, needs }) => ({ id, group, contract, needs })) })
    return
  }
  const targets = checkTargets(given)
  if (given.out !== undefined) return build(targets[0] as string, resolve(given.out), report)
  const reports: Report[] = []
  for (const target of targets) reports.push(await runOne(target, given, report))
  const matrix = matrixText(reports)
  if (given.matrix !== undefined) await writeFile(given.matrix, matrix)
  if (given.checkMatrix !== undefined && (await readFile(given.checkMatrix, 'utf8').catch(() => '')) !== matrix) {
    report.warn(`${given.checkMatrix} is not the matrix of this run. Write it anew with: unmoor conformance --target all --matrix ${given.checkMatrix}`)
    process.exitCode = 1
  }
  if (reports.some(({ failed }) => failed > 0)) process.exitCode = 1
}

function checkTargets(given: Options): string[] {
  const names = given.target.flatMap((name) => (name === 'all' ? TARGETS : [name]))
  if (names.length === 0) throw usageError(`Name a target: --target ${TARGETS.join(', ')} or all.`)
  for (const name of names) {
    if (!(TARGETS as readonly string[]).includes(name) && !name.startsWith('.') && !name.startsWith('/'))
      throw usageError(`There is no target "${name}". Targets: ${TARGETS.join(', ')}, all, or the path of an adapter's module.`)
  }
  const targets = [...new Set(names)]
  if ((given.url !== undefined || given.out !== undefined) && targets.length > 1) throw usageError('--url and --out take one target.')
  if (given.url !== undefined && !URL.canParse(given.url)) throw usageError(`--url "${given.url}" is not a URL.`)
  if (given.url !== undefined && tokenOf(given) === '') throw usageError('--url needs --token: what the deployment has as CONFORMANCE_TOKEN.')
  return targets
}

function tokenOf({ token }: Options): string {
  return token ?? process.env['CONFORMANCE_TOKEN'] ?? ''
}

async function build(target: string, outDir: string, report: Reporter): Promise<void> {
  const variables = await buildForDeployment(target, outDir, report)
  report.print(`${target}: ${outDir}`)
  const file = join(outDir, 'conformance-variables.json')
  await writeFile(file, `${JSON.stringify(variables, null, 2)}\n`)
  report.print(`Start it with the variables and secrets in ${file}, and with one random token, used once, as both CONFORMANCE_TOKEN and UNMOOR_TEST_TOKEN.`)
  report.result({ target, dir: outDir, variables })
}

async function runOne(target: string, given: Options, reporter: Reporter): Promise<Report> {
  const { url, filter, concurrency } = given
  const total = selectCases(filter).length
  let done = 0
  const result = await reporter.step(`Conformance of ${target}`, () =>
    runConformance({
      target,
      ...(url === undefined ? {} : { url, token: tokenOf(given) }),
      ...(filter === undefined ? {} : { filter }),
      ...(concurrency === undefined ? {} : { concurrency }),
      log: reporter,
      onResult: ({ id, outcome, error }) => {
        if (++done % 50 === 0) reporter.info(`${target}: ${done} of ${total} cases`)
        if (outcome === 'failed') reporter.info(`FAILED ${id}: ${error}`)
      },
    }),
  )
  reporter.print(reportText(result))
  reporter.result(reportLine(result))
  return result
}
