import { Command, CommanderError } from 'commander'
import { packageVersion } from '../build/packages.ts'
import { exitCode, reportError, reportResult } from './exit.ts'
import { handleSignals } from './signals.ts'

/**
 * Loaders of the CLI commands' modules, used when a command runs: loading all of them takes a third of a CPU
 * second.
 */
const COMMANDS = new Map<string, () => Promise<{ register: (program: Command) => void }>>([
  // The help text of `unmoor` lists its commands in the order of this map.
  ['init', () => import('./commands/init.ts')],
  ['dev', () => import('./commands/dev.ts')],
  ['build', () => import('./commands/build.ts')],
  ['check', () => import('./commands/check.ts')],
  ['compare', () => import('./commands/compare.ts')],
  ['data', () => import('./commands/data.ts')],
  ['cron', () => import('./commands/cron.ts')],
  ['queue', () => import('./commands/queue.ts')],
  ['start', () => import('./commands/start.ts')],
  ['migrate', () => import('./commands/migrate.ts')],
  ['test', () => import('./commands/test.ts')],
  ['conformance', () => import('./commands/conformance.ts')],
  ['soak', () => import('./commands/soak.ts')],
  ['host', () => import('./commands/host.ts')],
  ['deploy', () => import('./commands/deploy.ts')],
])

/**
 * Creates commander's program with the command that `args` begins with, or with all commands for the help and
 * for unknown names.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('unmoor')
    .description(
      'Write a handler once. Run it on Cloudflare Workers, in AWS Lambda containers, on Node servers ' +
        'and on your own isolate host.',
    )
    .version(packageVersion, '-V, --version')
    .option('--verbose', 'show the stack of errors (or set UNMOOR_DEBUG)')
    .showHelpAfterError('(add --help for what there is)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong use (an unknown command, option, target, binding, or a ' +
        'config that does not hold).',
    )
  const own = COMMANDS.get(args[0] ?? '')
  const chosen = own === undefined ? [...COMMANDS.values()] : [own]
  for (const { register } of await Promise.all(chosen.map((load) => load()))) register(program)
  return program
}

/** Runs the `unmoor` command line and resolves to its exit code. Never rejects. */
export async function run(args: readonly string[]): Promise<number> {
  handleSignals()
  try {
    const program = await createProgram(args)
    if (args.length === 0) {
      program.outputHelp({ error: true })
      return 2
    }
    await program.parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    // Commander has already printed the message of its error. Help and version count as success.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      reportResult({ code: 'InvalidArgument', message: error.message.replace(/^error: /, '') }, args)
      return 2
    }
    reportError(error, args)
    return exitCode(error)
  }
}
