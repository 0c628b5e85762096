/**
 * Histories of drivers, and what a host must hold over a long time and many faults, as commands: `npm run
 * histories -- [--driver NAME] [--workload NAME] [--faults KINDS] [--seed N] [--minutes N] [--mutants]
 * [--report FILE] [--json]`, `-- --replay FILE`, `-- owners [--increments N] [--kills N] [--pauses N]`,
 * `-- deploys [--changes N]`, `-- power-cuts [--cuts N]`. The last line is the report as JSON; exit code 1
 * where something was lost, answered twice, or failed.
 */
import { historiesCommand } from './command.ts'
import { hostCommand } from './host-commands.ts'

const args = process.argv.slice(2)
const isNamed = args[0] !== undefined && !args[0].startsWith('-')
process.exitCode = await (isNamed ? hostCommand(args) : historiesCommand(args))
