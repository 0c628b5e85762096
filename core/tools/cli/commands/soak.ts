import { InvalidArgumentError, type Command } from 'commander'
import { usageError } from '../exit.ts'
import { options as shared } from '../options.ts'
import { createReporter } from '../reporter.ts'
// Among the package's shipped code, only CLI commands import the conformance suite.
import { runHostSoak, runSoak } from '../../conformance/index.ts'

interface Options {
  driver?: string
  host?: true
  seconds: number
  tenants: number
  processes?: number
  messages: number
  consumers: number
  reporter: 'text' | 'json'
}

/** Registers the command `unmoor soak`. */
export function register(program: Command): void {
  program
    .command('soak')
    .description(
      'send messages through a queue driver while its processes are killed at random, or keep an unmoor ' +
        'host under load with a deploy each second; fails if anything is lost',
    )
    .option('-d, --driver <name>', 'the queue driver: a built-in name, the path of a module, or a package')
    .option(
      '--host',
      'an unmoor host: half of the load that it can bear, a deploy each second, one app that misbehaves',
    )
    .option('--seconds <number>', 'with --host: length', parseNumber(1_000_000), 600)
    .option('--tenants <number>', 'with --host: apps under load', parseNumber(10_000), 20)
    .option(
      '--processes <number>',
      "with --host: the host's child processes (default: one per core)",
      parseNumber(1000),
    )
    .option('--messages <number>', 'messages to send', parseNumber(1_000_000), 10_000)
    .option('--consumers <number>', 'consumer processes', parseNumber(64), 4)
    .addOption(shared.reporter())
    .action(soak)
}

function parseNumber(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < 1 || number > most)
      throw new InvalidArgumentError(`It is a whole number from 1 to ${most}.`)
    return number
  }
}

/** Percent of memory growth, from the first minute of a soak to its end, that is not yet a leak. */
const FLAT_PERCENT = 5

async function soakHost({ seconds, tenants, processes, reporter }: Options): Promise<void> {
  const report = createReporter(reporter)
  const result = await report.step(`Soak of a host for ${seconds} s`, () =>
    runHostSoak({ seconds, tenants, ...(processes === undefined ? {} : { processes }), log: report }),
  )
  const { requests, failed, failures, rate, deploys, refused, p50, p99, memory } = result
  const growth = ((memory.end - memory.steady) / memory.steady) * 100
  report.print(
    `${requests} requests at ${rate}/s, ${failed} failed; ${deploys} deploys; ${refused} refusals of ` +
      `the app that loops; p50 ${p50} ms, p99 ${p99} ms`,
  )
  report.print(
    `memory: ${memory.steady} MB at first, ${memory.end} MB at the end (${growth.toFixed(1)}%), ` +
      `${memory.perMinute} MB per minute`,
  )
  for (const failure of failures) report.print(`  failed: ${failure}`)
  for (const event of result.events) report.print(`  ${event}`)
  report.result(result)
  if (failed > 0 || growth > FLAT_PERCENT || result.exitCode !== 0) process.exitCode = 1
}

async function soak(given: Options): Promise<void> {
  const { driver, messages, consumers, reporter } = given
  if ((driver === undefined) === (given.host === undefined))
    throw usageError('Name what is to be soaked: --driver NAME, or --host.')
  if (driver === undefined) return soakHost(given)
  const report = createReporter(reporter)
  const result = await report.step(`Soak of ${driver}`, () =>
    runSoak({ driver, messages, consumers, log: report }),
  )
  const { sent, received, lost, duplicates, kills, restarts, seconds } = result
  const server = restarts === 0 ? '' : `, ${restarts} restarts of the server`
  report.print(
    `${driver}: ${sent} sent, ${received} received, ${lost} lost, ${duplicates} duplicates; ${kills} ` +
      `kills${server} in ${seconds} s`,
  )
  report.result(result)
  if (lost > 0) process.exitCode = 1
}
