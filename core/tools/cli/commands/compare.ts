import { writeFile } from 'node:fs/promises'
import { extname, isAbsolute, relative, resolve } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import type { DriverSpec } from '../../../adapter.ts'
import { startLoader } from '../../build/loader.ts'
import { compareApp, type SideOptions } from '../../compare/compare.ts'
import { LOAD, readPrices, type Load } from '../../compare/cost.ts'
import { PRICES } from '../../compare/prices.ts'
import { toHtml, toMarkdown, toText } from '../../compare/report.ts'
import { usageError } from '../exit.ts'
import { addWorkerOptions, chooseProject, options, type WorkerOptions } from '../options.ts'
import { createReporter, shortPath } from '../reporter.ts'
// Among the package's shipped code, only CLI commands import the conformance suite.
import { EXPECTATIONS } from '../../conformance/index.ts'

interface Options extends WorkerOptions {
  fromDriver: Readonly<Record<string, string | DriverSpec>>
  toDriver: Readonly<Record<string, string | DriverSpec>>
  out: string[]
  prices?: string
  load: Partial<Load>
  project: string
  reporter: 'text' | 'json'
}

/** Registers the command `unmoor compare`. */
export function register(program: Command): void {
  const command = program
    .command('compare <from> <to>')
    .description(
      'the exit report: what moving the app from one target, or set of drivers, to another changes, ' +
        'with file, line and proof',
    )
    .option(
      '--from-driver <binding=driver>',
      "a driver of the first side in place of the config's",
      parseDriver,
      {},
    )
    .option(
      '--to-driver <binding=driver>',
      "a driver of the second side in place of the config's",
      parseDriver,
      {},
    )
    .option('--out <file...>', 'also write the report: a .md, .html or .json file', [])
    .option('--prices <file>', 'prices in place of those that come with unmoor, as JSON')
    .option(
      '--load <name=number>',
      `what a month is like, again and again: ${Object.keys(LOAD).join(', ')}`,
      parseLoad,
      {},
    )
    .addOption(options.project())
    .addOption(options.reporter())
    .addHelpText(
      'after',
      '\nA side is a target, or TARGET@CONFIG with a config file of its own: node@unmoor.small.config.ts',
    )
    .action(compare)
  addWorkerOptions(command)
}

function parseDriver(
  text: string,
  before: Readonly<Record<string, string | DriverSpec>>,
): Record<string, string | DriverSpec> {
  const match = /^([A-Za-z]\w*)=([\w./@-]+)$/.exec(text)
  if (match === null) throw new InvalidArgumentError('Write BINDING=DRIVER, such as links=redis.')
  return { ...before, [match[1] as string]: match[2] as string }
}

function parseLoad(text: string, before: Partial<Load>): Partial<Load> {
  const [name = '', value = ''] = text.split('=')
  const number = Number(value)
  if (!Object.hasOwn(LOAD, name) || value === '' || !(number >= 0))
    throw new InvalidArgumentError(`Write NAME=NUMBER with one of ${Object.keys(LOAD).join(', ')}.`)
  return { ...before, [name]: number }
}

async function compare(from: string, to: string, given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  const { projectDir, worker } = chooseProject(given.project, given)
  for (const file of given.out)
    if (!['.md', '.html', '.json'].includes(extname(file)))
      throw usageError(`--out ${file}: name a .md, .html or .json file.`)
  const comparison = await report.step('Comparing', async () =>
    compareApp({
      projectDir,
      worker,
      environment: given.env,
      from: await side(from, given.fromDriver, projectDir),
      to: await side(to, given.toDriver, projectDir),
      expectations: (target) => EXPECTATIONS[target] ?? {},
      prices: given.prices === undefined ? PRICES : await readPrices(resolve(given.prices)),
      load: given.load,
    }),
  )
  for (const file of given.out) {
    const text =
      extname(file) === '.md'
        ? toMarkdown(comparison)
        : extname(file) === '.html'
          ? toHtml(comparison)
          : `${JSON.stringify(comparison, null, 2)}\n`
    await writeFile(resolve(file), text)
    report.info(`wrote ${shortPath(resolve(file))}`)
  }
  report.print(toText(comparison))
  report.result(comparison)
}

async function side(text: string, drivers: SideOptions['drivers'], projectDir: string): Promise<SideOptions> {
  const at = text.indexOf('@')
  if (at <= 0) return { target: text, drivers }
  const file = resolve(projectDir, text.slice(at + 1))
  const label = relative(projectDir, file)
  const loader = startLoader()
  try {
    return {
      target: text.slice(0, at),
      drivers,
      config: await loader.config(file, isAbsolute(label) ? file : label),
      configLabel: label,
    }
  } finally {
    loader.close()
  }
}
