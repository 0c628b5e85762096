import type { Command } from 'commander'
import { deployToHost } from '../deploy/host.ts'
import type { DeployFlags } from '../deploy/flags.ts'
import { deployToTarget } from '../deploy/target.ts'
import { usageError } from '../exit.ts'
import { addWorkerOptions, options } from '../options.ts'

/** Registers the command `unmoor deploy`. */
export function register(program: Command): void {
  const command = program
    .command('deploy')
    .description(
      'deploy the app to a target by a plan that --dry-run only prints, or with --host send it to an ' +
        'unmoor host',
    )
    .addOption(options.target().makeOptionMandatory(false))
    .option('--dry-run', 'check, build and print the plan; change nothing')
    .option('--yes', 'run a plan with steps that reach live traffic untried or are not undone')
    .option(
      '--rollback [version]',
      'bring the code of an earlier version back, and never data (default: the one before)',
    )
    .option('--secrets <file>', 'secrets, a NAME=value on each line; merged with those that are there')
    .option(
      '--dir <dir>',
      'the artifact, which is then neither checked nor built (default: .unmoor/TARGET of the project, with ' +
        '--env TARGET.NAME)',
    )
    .option(
      '--host <url>',
      "isolate: the host's admin port, such as http://127.0.0.1:8788 (default: the variable UNMOOR_HOST_URL)",
    )
    .option('--token <token>', "isolate: the host's admin token (default: the variable UNMOOR_HOST_TOKEN)")
    .option('--app <name>', "isolate: the app's name on the host (default: its name in unmoor.config.ts)")
    .option('--build', 'isolate: build the app first')
    .option(
      '--settings <file>',
      'isolate: hosts, paths, variables, limits, services as JSON; what it names takes the place of what ' +
        'was, null removes it',
    )
    .option('--note <text>', 'isolate: told in the list of versions')
    .option('--list', 'isolate: show the apps of the host, or with --app its versions and settings')
    .option('--configure', 'isolate: only change the settings (--settings, --secrets)')
    .option('--delete', 'isolate: take the app out of service; its data stays')
    .option(
      '--delete-data',
      'isolate: take the app out of service and remove the data that it has on the hosts themselves',
    )
    .addOption(options.project())
    .addOption(options.reporter())
    .addHelpText(
      'after',
      '\nExit codes: 0 deployed, 1 a step failed and the code went back, 2 wrong use, or a plan that ' +
        'needs --yes.',
    )
    .action(deploy)
  addWorkerOptions(command)
}

async function deploy(given: DeployFlags): Promise<void> {
  const { target, rollback, ...more } = given
  if (target !== undefined && target !== 'isolate') return deployToTarget({ ...given, target })
  if (given.dryRun === true || given.yes === true)
    throw usageError(
      `${given.dryRun === true ? '--dry-run' : '--yes'} is for --target cloudflare, lambda or ` +
        'node: a host serves a version once it has started there, and keeps the one before if it does not.',
    )
  return deployToHost({ ...more, ...(rollback === undefined ? {} : { rollback: wholeVersion(rollback) }) })
}

/** Returns the version of a host's app. */
function wholeVersion(text: string | true): number | true {
  if (text === true) return true
  if (!/^[1-9]\d*$/.test(text))
    throw usageError('--rollback: a version on a host is a whole number, as --list shows them.')
  return Number(text)
}
