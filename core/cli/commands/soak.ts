import { InvalidArgumentError, type Command } from 'commander'
import { options as shared } from '../options.ts'
import { createReporter } from '../reporter.ts'
// The suite is a part of the package; nothing else outside of test/ imports it.
import { runSoak } from '../../../test/conformance/index.ts'

interface Options {
  driver: string
  messages: number
  consumers: number
  reporter: 'text' | 'json'
}

/** `unmoor soak`. */
export function register(program: Command): void {
  program
    .command('soak')
    .description('send messages through a queue driver while its producer and consumers are killed at random; fails if one is lost')
    .requiredOption('-d, --driver <name>', 'a built-in name, the path of a module, or a package')
    .option('--messages <number>', 'messages to send', parseNumber(1_000_000), 10_000)
    .option('--consumers <number>', 'consumer processes', parseNumber(64), 4)
    .addOption(shared.reporter())
    .action(soak)
}

function parseNumber(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < 1 || number > most) throw new InvalidArgumentError(`It is a whole number from 1 to ${most}.`)
    return number
  }
}

async function soak({ driver, messages, consumers, reporter }: Options): Promise<void> {
  const report = createReporter(reporter)
  const result = await report.step(`Soak of ${driver}`, () => runSoak({ driver, messages, consumers, log: report }))
  const { sent, received, lost, duplicates, kills, restarts, seconds } = result
  const server = restarts === 0 ? '' : `, ${restarts} restarts of the server`
  report.print(`${driver}: ${sent} sent, ${received} received, ${lost} lost, ${duplicates} duplicates; ${kills} kills${server} in ${seconds} s`)
  report.result(result)
  if (lost > 0) process.exitCode = 1
}
