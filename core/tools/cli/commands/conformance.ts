import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Adapter } from '../../../adapter.ts'
import { loadAdapter, loadAdapterModule, TARGETS } from '../../build/adapters.ts'
import { usageError } from '../exit.ts'
import { options as shared } from '../options.ts'
import { createReporter, type Reporter } from '../reporter.ts'
// Among the package's shipped code, only CLI commands import the conformance suite.
import {
  buildForDeployment,
  deviationsText,
  driverReportLine,
  driverReportText,
  matrixText,
  reportLine,
  reportText,
  runConformance,
  runDriverConformance,
  runWorkersConformance,
  selectCases,
  selectWorkerCases,
  type DriverReport,
  type Report,
} from '../../conformance/index.ts'

interface Options {
  suite: 'app' | 'workers'
  target: string[]
  adapter: string[]
  driver: string[]
  url?: string
  token?: string
  upstream?: string
  filter?: string
  concurrency?: number
  matrix?: string
  deviations?: string
  checkMatrix?: string
  out?: string
  list?: true
  event?: string
  runtime?: string
  reporter: 'text' | 'json'
}

/** Registers the command `unmoor conformance`. */
export function register(program: Command): void {
  program
    .command('conformance')
    .description(
      "run the conformance suite: unmoor's own fixture app, built for each target and run on its real " +
        'runtime',
    )
    .addOption(
      new Option(
        '--suite <name>',
        "app: unmoor's own fixture app; workers: a Cloudflare Worker, built with --worker, beside " +
          'workerd itself (target cloudflare)',
      )
        .choices(['app', 'workers'])
        .default('app'),
    )
    .option('-t, --target <names...>', 'node, cloudflare, lambda, isolate or all', [])
    .option('-a, --adapter <paths...>', "targets of one's own: paths of adapters' modules, or packages", [])
    .option(
      '--event <kind>',
      'what stands before the function: url, v2, v1, alb, alb-multi or lattice; only with --target ' +
        'lambda (default: url)',
    )
    .option(
      '--runtime <kind>',
      'what runs it: bootstrap, ric or container with --target lambda (default: bootstrap); server or ' +
        'host with --target isolate (default: server)',
    )
    .option(
      '-d, --driver <names...>',
      'test drivers on their real backends instead: built-in names, paths of modules, or packages',
      [],
    )
    .option(
      '--url <url>',
      'test the fixture app that is deployed there (see --out), in place of a local start; with one target',
    )
    .option(
      '--token <token>',
      "the deployment's CONFORMANCE_TOKEN, which is its UNMOOR_TEST_TOKEN too (default: the " +
        "environment's CONFORMANCE_TOKEN)",
    )
    .option(
      '--upstream <url>',
      'a server that the deployment fetches from, started by startUpstream of unmoor/conformance; with ' +
        '--url (default: none, and cases that fetch are skipped)',
    )
    .option('--out <dir>', 'only build the fixture app into this folder, for a deployment; with one target')
    .option('--filter <pattern>', 'only cases whose id contains this, or matches it with * for anything')
    .option('--concurrency <number>', 'cases at once (default: 8; 5 on lambda)', parseCount)
    .option('--matrix <file>', 'write the matrix of targets by case group as Markdown')
    .option('--check-matrix <file>', 'fail if that file is not the matrix of this run')
    .option(
      '--deviations <file>',
      'write the page of everything that differs between targets and drivers, and run nothing',
    )
    .option('--list', 'print the cases with their contracts and run nothing')
    .addOption(shared.reporter())
    .action(conformance)
}

function parseCount(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || count > 256)
    throw new InvalidArgumentError('It is a whole number from 1 to 256.')
  return count
}

async function conformance(given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  if (given.deviations !== undefined)
    return writeFile(
      given.deviations,
      deviationsText(await Promise.all(TARGETS.map((name) => loadAdapter(name, process.cwd())))),
    )
  if (given.suite === 'workers') return workers(given, report)
  if (given.driver.length > 0) return drivers(given, report)
  const cases = selectCases(given.filter)
  if (cases.length === 0)
    throw usageError(`No case matches "${given.filter}". See them all with: unmoor conformance --list`)
  if (given.list) {
    for (const { id, contract } of cases) report.print(`${id}  ${contract}`)
    report.result({
      total: cases.length,
      cases: cases.map(({ id, group, contract, needs }) => ({ id, group, contract, needs })),
    })
    return
  }
  const targets = await checkTargets(given)
  const targetOptions = optionsOfTarget(given, targets)
  if (given.out !== undefined) return build(targets[0] as Target, resolve(given.out), report)
  const reports: Report[] = []
  for (const target of targets) reports.push(await runOne(target, given, targetOptions, report))
  const matrix = matrixText(reports)
  if (given.matrix !== undefined) await writeFile(given.matrix, matrix)
  if (
    given.checkMatrix !== undefined &&
    (await readFile(given.checkMatrix, 'utf8').catch(() => '')) !== matrix
  ) {
    report.warn(
      `${given.checkMatrix} is not the matrix of this run. Write it anew with: unmoor conformance ` +
        `--target all --matrix ${given.checkMatrix}`,
    )
    process.exitCode = 1
  }
  if (reports.some(({ failed }) => failed > 0)) process.exitCode = 1
}

async function workers(given: Options, report: Reporter): Promise<void> {
  const used = usedOf(given, 'driver', 'adapter', 'url', 'out')
  if (used !== undefined)
    throw usageError(`The suite workers runs locally, against targets: leave out ${used}.`)
  const cases = selectWorkerCases(given.filter)
  if (cases.length === 0)
    throw usageError(
      `No case matches "${given.filter}". See them all with: unmoor conformance --suite workers --list`,
    )
  if (given.list) {
    for (const { id, contract } of cases) report.print(`${id}  ${contract}`)
    report.result({
      total: cases.length,
      cases: cases.map(({ id, group, contract }) => ({ id, group, contract })),
    })
    return
  }
  for (const { name: target } of await checkTargets(given)) {
    const result = await report.step(`The Worker on ${target}`, () =>
      runWorkersConformance({
        target,
        filter: given.filter,
        log: report,
        onResult: progress(target, report, cases.length),
      }),
    )
    report.print(reportText(result))
    report.result(reportLine(result))
    if (result.failed > 0) process.exitCode = 1
  }
}

/**
 * Returns the flag, such as `--url`, of the first option among `names` that the command line has; undefined
 * if it has none.
 */
function usedOf(
  given: Options,
  ...names: readonly ('target' | 'adapter' | 'driver' | 'url' | 'out')[]
): string | undefined {
  const used = names.find((name) => given[name] !== undefined && given[name].length > 0)
  return used === undefined ? undefined : `--${used}`
}

async function drivers(given: Options, report: Reporter): Promise<void> {
  const used = usedOf(given, 'target', 'adapter', 'url', 'out')
  if (used !== undefined) throw usageError(`--driver runs on this machine's Node: leave out ${used}.`)
  const reports: DriverReport[] = []
  for (const driver of new Set(given.driver)) {
    const result = await report.step(`Conformance of the driver ${driver}`, () =>
      runDriverConformance({
        driver,
        ...(given.filter === undefined ? {} : { filter: given.filter }),
        log: report,
        onResult: progress(driver, report),
      }),
    )
    if (result.total === 0) throw usageError(`No case of the driver "${driver}" matches "${given.filter}".`)
    report.print(driverReportText(result))
    report.result(driverReportLine(result))
    reports.push(result)
  }
  if (reports.some(({ failed }) => failed > 0)) process.exitCode = 1
}

/**
 * Returns a callback of a conformance run that reports the number of finished cases every 50 cases, and each
 * failure at once.
 */
function progress(
  name: string,
  report: Reporter,
  total?: number,
): (result: { id: string; outcome: string; error?: string }) => void {
  let done = 0
  return ({ id, outcome, error }) => {
    if (++done % 50 === 0) report.info(`${name}: ${done}${total === undefined ? '' : ` of ${total}`} cases`)
    if (outcome === 'failed') report.info(`FAILED ${id}: ${error}`)
  }
}

/** Name of a target to test, with its adapter if the user supplied one. */
interface Target {
  name: string
  adapter?: Adapter
}

async function checkTargets(given: Options): Promise<Target[]> {
  const names = new Set(given.target.flatMap((name) => (name === 'all' ? TARGETS : [name])))
  if (names.size + given.adapter.length === 0)
    throw usageError(
      `Name a target, --target ${TARGETS.join(', ')} or all; an adapter, --adapter PATH; or a driver, ` +
        '--driver NAME.',
    )
  for (const name of names) {
    if (!(TARGETS as readonly string[]).includes(name))
      throw usageError(
        `There is no target "${name}". Targets: ${TARGETS.join(', ')} or all. An adapter of your own: ` +
          '--adapter PATH.',
      )
  }
  if ((given.url !== undefined || given.out !== undefined) && names.size + given.adapter.length > 1)
    throw usageError('--url and --out take one target.')
  if (given.url !== undefined && !URL.canParse(given.url))
    throw usageError(`--url "${given.url}" is not a URL.`)
  if (given.upstream !== undefined && (given.url === undefined || !URL.canParse(given.upstream)))
    throw usageError('--upstream is the URL of a server, and goes with --url: a local start has its own.')
  if (given.url !== undefined && tokenOf(given) === '')
    throw usageError('--url needs --token: what the deployment has as CONFORMANCE_TOKEN.')
  const targets: Target[] = [...names].map((name) => ({ name }))
  for (const module of new Set(given.adapter)) {
    const adapter = await loadAdapterModule(module, process.cwd())
    targets.push({ name: adapter.name, adapter })
  }
  return targets
}

/**
 * Returns a target's options from the command line of `unmoor conformance`; the adapter checks their values.
 */
function optionsOfTarget(
  { event, runtime, url }: Options,
  targets: readonly Target[],
): Record<string, string> | undefined {
  if (event === undefined && runtime === undefined) return undefined
  const target = targets[0]?.name
  if (
    targets.length !== 1 ||
    url !== undefined ||
    !(target === 'lambda' || (target === 'isolate' && event === undefined))
  )
    throw usageError(
      '--event and --runtime set how a target starts locally: --runtime goes with --target lambda or ' +
        'isolate alone, --event with lambda.',
    )
  return { ...(event === undefined ? {} : { event }), ...(runtime === undefined ? {} : { runtime }) }
}

function tokenOf({ token }: Options): string {
  return token ?? process.env['CONFORMANCE_TOKEN'] ?? ''
}

async function build({ name, adapter }: Target, outDir: string, report: Reporter): Promise<void> {
  const variables = await buildForDeployment(name, outDir, report, adapter)
  report.print(`${name}: ${outDir}`)
  const file = join(outDir, 'conformance-variables.json')
  await writeFile(file, `${JSON.stringify(variables, null, 2)}\n`)
  report.print(
    `Start it with the variables and secrets in ${file}, and with one random token, used once, as both ` +
      'CONFORMANCE_TOKEN and UNMOOR_TEST_TOKEN.',
  )
  report.result({ target: name, dir: outDir, variables })
}

async function runOne(
  { name, adapter }: Target,
  given: Options,
  targetOptions: Record<string, string> | undefined,
  reporter: Reporter,
): Promise<Report> {
  const { url, upstream, filter, concurrency } = given
  const result = await reporter.step(`Conformance of ${name}`, () =>
    runConformance({
      target: name,
      ...(adapter === undefined ? {} : { adapter }),
      ...(url === undefined ? {} : { url, token: tokenOf(given) }),
      ...(upstream === undefined ? {} : { upstream }),
      ...(targetOptions === undefined ? {} : { targetOptions }),
      ...(filter === undefined ? {} : { filter }),
      ...(concurrency === undefined ? {} : { concurrency }),
      log: reporter,
      onResult: progress(name, reporter, selectCases(filter).length),
    }),
  )
  reporter.print(reportText(result))
  reporter.result(reportLine(result))
  return result
}
