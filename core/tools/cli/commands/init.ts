import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { APP_NAME } from '../../build/config-check.ts'
import { bindingDifferences, sourceDifferences } from '../../build/worker/differences.ts'
import { buildApp } from '../../build/build.ts'
import { Problems } from '../../build/problems.ts'
import type { WorkerChoice } from '../../build/project.ts'
import { literal } from '../../build/wrangler/configured.ts'
import { checkTarget, readWorker, type WorkerProject } from '../../build/worker/worker.ts'
import { usageError } from '../exit.ts'
import { options } from '../options.ts'
import { createReporter, type Reporter, shortPath } from '../reporter.ts'
import { projectFiles } from '../template.ts'

interface Options {
  name?: string
  fromWorker?: string
  env?: string
  reporter: 'text' | 'json'
}

/** Registers the command `unmoor init`. */
export function register(program: Command): void {
  program
    .command('init')
    .description('make a small Hono app with a kv, a queue, a cron and tests')
    .argument('[dir]', 'the new folder; asked for on a terminal, else this one')
    .option('--name <name>', "the app's name (default: the folder's)")
    .option(
      '--from-worker <file>',
      "write an unmoor.config.ts beside an existing Worker's wrangler file, and tell what behaves " +
        'differently elsewhere',
    )
    .addOption(options.workerEnv())
    .addOption(options.reporter())
    .action(init)
}

async function init(dir: string | undefined, { name, fromWorker, env, reporter }: Options): Promise<void> {
  const report = createReporter(reporter)
  if (fromWorker !== undefined) {
    if (dir !== undefined || name !== undefined)
      throw usageError(
        '--from-worker writes beside the wrangler file, whose name counts: leave out the folder and --name.',
      )
    return initFromWorker(resolve(fromWorker), env, report)
  }
  const asked = dir ?? (process.stdin.isTTY && process.stdout.isTTY && !report.json ? await askFolder() : '.')
  const target = resolve(asked)
  // A project folder that only has .git counts as empty.
  const present = existsSync(target)
    ? (await readdir(target).catch(() => [target])).filter((entry) => entry !== '.git')
    : []
  if (present.length > 0)
    throw usageError(
      `${target} is not empty (${present.slice(0, 3).join(', ')}${present.length > 3 ? ', ...' : ''}). ` +
        'Name a new folder: unmoor init my-app',
    )
  const appName = name ?? toName(basename(target))
  if (!APP_NAME.test(appName))
    throw usageError(
      `"${appName}" is no name for an app: lower-case letters, digits and hyphens, a letter first, at ` +
        'most 63. Give one with --name.',
    )
  const files = projectFiles(appName)
  for (const [path, content] of Object.entries(files)) {
    const file = join(target, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
  const folder = shortPath(target)
  report.print(
    `Made ${appName} in ${folder}:\n${Object.keys(files)
      .map((path) => `  ${path}`)
      .join('\n')}`,
  )
  report.print(`\nNext:\n${folder === '.' ? '' : `  cd ${folder}\n`}  npm install\n  npm run dev\n  npm test`)
  report.result({ dir: target, name: appName, files: Object.keys(files) })
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

function toName(folder: string): string {
  return (
    folder
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, 63) || 'my-app'
  )
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
