import { Command, CommanderError } from 'commander'
import { packageVersion } from '../build/packages.ts'
import { register as registerBuild } from './commands/build.ts'
import { register as registerCheck } from './commands/check.ts'
import { register as registerCompare } from './commands/compare.ts'
import { register as registerConformance } from './commands/conformance.ts'
import { register as registerData } from './commands/data.ts'
import { register as registerDev } from './commands/dev.ts'
import { register as registerDeploy } from './commands/deploy.ts'
import { register as registerHost } from './commands/host.ts'
import { register as registerInit } from './commands/init.ts'
import { register as registerMigrate } from './commands/migrate.ts'
import { register as registerSoak } from './commands/soak.ts'
import { register as registerStart } from './commands/start.ts'
import { register as registerTest } from './commands/test.ts'
import { exitCode, reportError, reportResult } from './exit.ts'
import { handleSignals } from './signals.ts'

/** The command, with all that it can do. */
function createProgram(): Command {
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
  for (const register of [
    registerInit,
    registerDev,
    registerBuild,
    registerCheck,
    registerCompare,
    registerData,
    registerStart,
    registerMigrate,
    registerTest,
    registerConformance,
    registerSoak,
    registerHost,
    registerDeploy,
  ])
    register(program)
  return program
}

/** Runs the command; gives the exit code. Never throws. */
export async function run(args: readonly string[]): Promise<number> {
  handleSignals()
  try {
    const program = createProgram()
    if (args.length === 0) {
      program.outputHelp({ error: true })
      return 2
    }
    await program.parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    // Commander has printed its own message; help and version are no failures.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      reportResult({ code: 'InvalidArgument', message: error.message.replace(/^error: /, '') }, args)
      return 2
    }
    reportError(error, args)
    return exitCode(error)
  }
}
