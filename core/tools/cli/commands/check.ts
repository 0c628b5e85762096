import { resolve } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import { checkApp } from '../../check/check.ts'
import { formatFinding, formatSummary } from '../../check/report-text.ts'
import { toSarif } from '../../check/report-sarif.ts'
import { addWorkerOptions, checkTargets, chooseProject, options, type WorkerOptions } from '../options.ts'
import { loadConfig } from '../../build/project.ts'
import { createReporter } from '../reporter.ts'

interface Options extends WorkerOptions {
  target?: string[]
  project: string
  envFile?: string
  reporter: 'text' | 'json' | 'sarif'
}

/** Registers the command `unmoor check`. */
export function register(program: Command): void {
  const command = program
    .command('check')
    .description(
      'tell what of the app its targets cannot honour, with file and line; runs nothing but its declarations',
    )
    .addOption(options.targets())
    .addOption(options.project())
    .addOption(options.envFile())
    .addOption(
      new Option(
        '--reporter <kind>',
        'text; json: one line last on stdout; sarif: a SARIF 2.1.0 log on stdout',
      )
        .choices(['text', 'json', 'sarif'])
        .default('text'),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 no errors (there may be warnings), 1 errors, 2 wrong use.\nA comment silences a ' +
        'line, with a reason: // unmoor-ignore RULE: why (in SQL: -- unmoor-ignore RULE: why)',
    )
    .action(check)
  addWorkerOptions(command)
}

async function check({ target, project, envFile, reporter, ...given }: Options): Promise<void> {
  const report = createReporter(reporter === 'sarif' ? 'json' : reporter)
  const { projectDir, worker } = chooseProject(project, given)
  // `unmoor check` does not load the config of a Worker here, so that an invalid wrangler file is reported
  // later as a finding.
  const targets = checkTargets(
    target ?? [],
    worker === undefined ? (await loadConfig(projectDir, { environment: given.env })).config : {},
  )
  const result = await report.step('Checking', () =>
    checkApp({
      projectDir,
      worker,
      environment: given.env,
      targets: targets.length === 0 ? undefined : targets,
      envFile: envFile === undefined ? undefined : resolve(envFile),
    }),
  )
  if (reporter === 'text')
    for (const finding of result.findings) report.print(`${formatFinding(finding, result)}\n`)
  if (reporter !== 'sarif') report.print(formatSummary(result))
  report.result(
    reporter === 'sarif' ? toSarif(result.findings) : { findings: result.findings, files: result.files },
  )
  if (result.findings.some(({ severity }) => severity === 'error')) process.exitCode = 1
}
