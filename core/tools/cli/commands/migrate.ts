import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { loadAdapter } from '../../build/adapters.ts'
import { readArtifact } from '../../build/build.ts'
import { collectVariables, readEnvFile } from '../../build/variables.ts'
import { loadArtifactTargets, options } from '../options.ts'
import { createReporter } from '../reporter.ts'

interface Options {
  target: string
  url?: string
  dir?: string
  envFile?: string
  dataDir?: string
  project: string
  reporter: 'text' | 'json'
}

/** `unmoor migrate`. */
export function register(program: Command): void {
  program
    .command('migrate')
    .description("apply the built app's migrations to its databases")
    .addOption(options.target())
    .option(
      '--url <url>',
      'the database, such as postgres://user@host/name (default: what the app itself would use)',
    )
    .option('--dir <dir>', 'the artifact (default: .unmoor/TARGET of the project)')
    .addOption(options.envFile())
    .addOption(options.dataDir())
    .addOption(options.project())
    .addOption(options.reporter())
    .action(migrate)
}

async function migrate(given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  const { targets, projectDir, config, dataDir } = await loadArtifactTargets(given.project, [given.target])
  const target = targets[0] as string
  const adapter = await loadAdapter(target, projectDir, config)
  const dir = given.dir === undefined ? join(projectDir, '.unmoor', adapter.name) : resolve(given.dir)
  const info = await readArtifact(dir, adapter.name)
  const envFile = await readEnvFile(resolve(projectDir, given.envFile ?? '.env'), given.envFile !== undefined)
  const done = await report.step('Migrating', () =>
    adapter.migrate({
      dir,
      info,
      dataDir: given.dataDir === undefined ? join(dataDir, adapter.name) : resolve(given.dataDir),
      variables: collectVariables(info, envFile, process.env),
      url: given.url,
      log: report,
    }),
  )
  for (const [binding, { applied, already }] of Object.entries(done)) {
    report.print(
      `${binding}: ${applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`} ` +
        `(${already.length} had been)`,
    )
  }
  if (Object.keys(done).length === 0) report.print('This app declares no migrations.')
  report.result({ target, bindings: done })
}
