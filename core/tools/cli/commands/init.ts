import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { bindingDifferences, sourceDifferences } from '../../build/worker/differences.ts'
import { buildApp } from '../../build/build.ts'
import { Problems } from '../../build/problems.ts'
import type { WorkerChoice } from '../../build/project.ts'
import { literal } from '../../build/wrangler/configured.ts'
import { checkTarget, readWorker, type WorkerProject } from '../../build/worker/worker.ts'
import { TEMPLATES } from '../../create/catalogue.ts'
import { createProject, type CreatedProject } from '../../create/create.ts'
import { installSource } from '../../create/install-source.ts'
import { packageManagerOf } from '../../create/package-manager.ts'
import { usageError } from '../exit.ts'
import { options } from '../options.ts'
import { createReporter, type Reporter, shortPath } from '../reporter.ts'

interface Options {
  name?: string
  template?: string
  target?: string[]
  merge?: boolean
  entry?: string
  dryRun?: boolean
  fromWorker?: string
  env?: string
  reporter: 'text' | 'json'
}

/** Registers the command `unmoor init`. */
export function register(program: Command): void {
  program
    .command('init')
    .description('make a small app with tests, or make an existing project an unmoor app')
    .argument('[dir]', 'the folder; asked for on a terminal, else this one')
    .option('--name <name>', "the app's name (default: that of package.json, else the folder's)")
    .option('--template <name>', `what to begin with: ${Object.keys(TEMPLATES).join(', ')} (default: api)`)
    .addOption(
      new Option(
        '-t, --target <names>',
        'targets with commas between them: package.json gets what they need (default: node)',
      ).argParser((text: string, before: string[] | undefined) => [...(before ?? []), ...listOf(text)]),
    )
    .option(
      '--merge',
      'into a folder that has a project: a Hono app becomes the app, package.json gets what is missing, ' +
        'and nothing is overwritten',
    )
    .option('--entry <file>', 'with --merge: the module that exports the Hono app (default: it is searched)')
    .option('--dry-run', 'print what would be created, merged and kept, and write nothing')
    .option(
      '--from-worker <file>',
      "write an unmoor.config.ts beside an existing Worker's wrangler file, and tell what behaves " +
        'differently elsewhere',
    )
    .addOption(options.workerEnv())
    .addOption(options.reporter())
    .addHelpText('after', `\nTemplates:\n${templateLines()}`)
    .action(init)
}

function listOf(text: string): string[] {
  return text.split(',').map((name) => name.trim())
}

function templateLines(): string {
  return Object.entries(TEMPLATES)
    .map(([name, { description }]) => `  ${name.padEnd(8)} ${description}`)
    .join('\n')
}

async function init(dir: string | undefined, given: Options): Promise<void> {
  const { fromWorker, env, reporter, ...chosen } = given
  const report = createReporter(reporter)
  if (fromWorker !== undefined) {
    if (dir !== undefined || Object.keys(chosen).length > 0)
      throw usageError(
        '--from-worker writes beside the wrangler file, whose name counts: leave out the folder and all ' +
          'other options but --env.',
      )
    return initFromWorker(resolve(fromWorker), env, report)
  }
  if (env !== undefined) throw usageError('--env is for --from-worker: leave it out.')
  const asked = dir ?? (process.stdin.isTTY && process.stdout.isTTY && !report.json ? await askFolder() : '.')
  const target = resolve(asked)
  const made = await createProject({
    dir: target,
    name: chosen.name,
    template: chosen.template,
    targets: chosen.target,
    merge: chosen.merge,
    entry: chosen.entry,
    dryRun: chosen.dryRun,
  })
  const dryRun = chosen.dryRun === true
  tellFiles(made, shortPath(target), dryRun, report)
  const inTheWay = made.files.filter((file) => file.inTheWay).map(({ path }) => path)
  if (inTheWay.length > 0) {
    report.warn(
      `${inTheWay.join(', ')} ${inTheWay.length === 1 ? 'was' : 'were'} in the way and stayed as ` +
        `${inTheWay.length === 1 ? 'it is' : 'they are'}, so the project may not work yet. Compare with a ` +
        'new one: unmoor init NEW-FOLDER',
    )
    process.exitCode = 1
  }
  if (!dryRun) tellNext(made, target, report)
  report.result({
    dir: target,
    name: made.name,
    template: made.template ?? null,
    honoApp: made.honoApp ?? null,
    targets: made.targets,
    dryRun,
    files: made.files.map(({ path, action, notes }) => ({ path, action, notes })),
  })
}

function tellFiles(made: CreatedProject, folder: string, dryRun: boolean, report: Reporter): void {
  const what = made.honoApp === undefined ? made.name : `${made.name}, an app around ${made.honoApp},`
  report.print(`${dryRun ? 'Would make' : 'Made'} ${what} in ${folder}:`)
  for (const { path, action, notes } of made.files) {
    report.print(`  ${action.padEnd(7)} ${path}`)
    for (const note of notes) report.print(`          ${note}`)
  }
}

function tellNext({ scriptNames, files }: CreatedProject, dir: string, report: Reporter): void {
  const folder = shortPath(dir)
  const manager = packageManagerOf(dir)
  const run = (name: string): string => {
    const script = scriptNames[name]
    if (script === undefined) return ''
    return `\n  ${manager} ${manager === 'npm' && script === 'test' ? '' : 'run '}${script}`
  }
  const enter = folder === '.' ? '' : `\n  cd ${folder}`
  report.print(`\nNext:${enter}\n  ${manager} install${run('dev')}${run('test')}`)
  const source = installSource()
  const manifest = files.find(({ path }) => path === 'package.json')?.text
  if (source !== undefined && manifest?.includes(JSON.stringify(`file:${source}`)) === true)
    report.print(
      `\nThis unmoor is from no registry, so package.json has it from ${source}.\n` +
        `For a published one: ${manager} ${manager === 'npm' ? 'install' : 'add'} unmoor@latest`,
    )
}

/**
 * Reports for each target whether it can run an existing Worker, and writes a config beside the wrangler
 * file.
 */
async function initFromWorker(
  file: string,
  environment: string | undefined,
  report: Reporter,
): Promise<void> {
  const projectDir = dirname(file)
  const warnings: string[] = []
  const log = { info() {}, warn: (message: string) => void warnings.push(message) }
  const refused: string[] = []
  const read = { file, environment, projectDir, onRefused: (all: string[]) => void refused.push(...all) }
  // The first read of the Worker assumes that the config names all drivers, as the generated config will. If
  // it refuses any other setting, a second read also reports missing drivers.
  const worker = await readWorker({ ...read, log, config: 'assumed' })
  if (refused.splice(0).length > 0) await readWorker({ ...read, log: { info() {}, warn() {} } })
  const config = join(projectDir, 'unmoor.config.ts')
  if (existsSync(config))
    throw usageError(`${config} is there already. Add to it: worker: './${basename(file)}'`)
  const choice =
    environment === undefined
      ? `'./${basename(file)}'`
      : `{ config: './${basename(file)}', env: '${environment}' }`
  const names = Object.entries(worker.spec.env).flatMap(([name, binding]) =>
    'binding' in binding && binding.type !== 'var' && Object.hasOwn(worker.spec.declarations, binding.binding)
      ? [`${name} is ${binding.binding}`]
      : [],
  )
  const targets = await report.step(`Building for ${TARGETS.join(', ')}`, () =>
    tryTargets(
      worker,
      refused,
      { config: basename(file), ...(environment === undefined ? {} : { env: environment }) },
      projectDir,
    ),
  )
  const differences = [...bindingDifferences(worker), ...(await sourceDifferences(worker, projectDir))]
  for (const warning of warnings) report.warn(warning)
  tellTargets(targets, differences, report)
  const able = TARGETS.filter((target) => targets[target]?.length === 0)
  if (able.length === 0) {
    report.print('\nNo target builds it as it is: no config was written.')
    report.result({ name: worker.name, targets, differences, warnings })
    process.exitCode = 1
    return
  }
  await writeFile(
    config,
    [
      `import { defineConfig } from 'unmoor'`,
      ``,
      `export default defineConfig({`,
      `  worker: ${choice},`,
      ...(names.length === 0
        ? []
        : [`  // Drivers go by unmoor's names of the bindings: ${names.join(', ')}.`]),
      ...(worker.needed.length === 0
        ? []
        : [
            `  // These run on what is named here: read the page of the driver, and put in your own.`,
            `  drivers: {`,
            ...worker.needed.map(({ binding, example }) => `    ${binding}: ${literal(example)},`),
            `  },`,
          ]),
      `  targets: {},`,
      `})`,
      ``,
    ].join('\n'),
  )
  report.print(`\nWrote ${shortPath(config)}. The Worker itself stays as it is.`)
  report.print(
    `\nNext:\n  npx unmoor build ${able.map((target) => `--target ${target}`).join(' ')}\n` +
      `  npx unmoor start --target ${able[0]}`,
  )
  report.result({ config, name: worker.name, targets, differences, warnings })
}

/** Targets that an existing Worker can be built for. */
const TARGETS = ['node', 'isolate', 'lambda'] as const

/**
 * Returns the reasons why a Worker cannot run on each target: all refusals of the wrangler file or, if there
 * are none, those of the code.
 */
async function tryTargets(
  worker: WorkerProject,
  refused: readonly string[],
  choice: WorkerChoice,
  projectDir: string,
): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  const scratch = await mkdtemp(join(tmpdir(), 'unmoor-'))
  try {
    for (const target of TARGETS) {
      const problems = new Problems()
      problems.attempt(() => checkTarget(worker, target))
      const config = [...refused, ...problems.messages]
      if (config.length === 0)
        await buildApp({
          projectDir,
          target,
          worker: choice,
          config: {
            drivers: Object.fromEntries(worker.needed.map(({ binding, example }) => [binding, example])),
          },
          outDir: join(scratch, target),
        }).catch((error: unknown) => problems.add(error))
      found[target] = config.length === 0 ? problems.messages : config
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return found
}

function tellTargets(
  targets: Readonly<Record<string, readonly string[]>>,
  differences: readonly { where: string; what: string }[],
  report: Reporter,
): void {
  for (const [target, refused] of Object.entries(targets)) {
    report.print(refused.length === 0 ? `${target}: builds` : `${target}: refused`)
    for (const message of refused) report.print(`  ${message.replaceAll('\n', '\n  ')}`)
  }
  report.print(
    differences.length === 0
      ? 'Nothing of it is known to behave differently.'
      : '\nWhat behaves differently off Cloudflare:',
  )
  for (const { where, what } of differences) report.print(`  ${where}: ${what}`)
}

async function askFolder(): Promise<string> {
  const { isCancel, text } = await import('@clack/prompts')
  const answer = await text({
    message: 'Where shall the app be made?',
    placeholder: './my-app',
    defaultValue: './my-app',
  })
  if (isCancel(answer)) throw usageError('Nothing was made.')
  return answer
}
