import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { InvalidArgumentError, type Command } from 'commander'
import type { DriverSpec } from '../../../adapter.ts'
import { damagedFiles, MANIFEST_FILE, PROGRESS_FILE } from '../../data/archive-format.ts'
import { createArchive } from '../../data/archive-sink.ts'
import { openArchive } from '../../data/archive-source.ts'
import { Journal } from '../../data/journal.ts'
import { isArchive, openLive, openSource, type PlaceOptions } from '../../data/place.ts'
import type { Sink, Source } from '../../data/records.ts'
import {
  journalPath,
  transfer,
  type TransferOptions,
  type TransferReport,
  type TransferState,
} from '../../data/transfer.ts'
import { verify } from '../../data/verify.ts'
import { UnmoorError } from '../../../errors.ts'
import { addWorkerOptions, chooseProject, options as shared, type WorkerOptions } from '../options.ts'
import { createReporter, formatBytes, type Reporter } from '../reporter.ts'

interface Options extends WorkerOptions {
  from: string
  to: string
  fromToken?: string
  toToken?: string
  fromDriver: Readonly<Record<string, string | DriverSpec>>
  toDriver: Readonly<Record<string, string | DriverSpec>>
  fromDataDir?: string
  toDataDir?: string
  binding?: string[]
  excludeTable: string[]
  intoNonEmpty?: true
  dryRun?: true
  restart?: true
  rate?: number
  concurrency?: number
  wait?: number
  envFile?: string
  project: string
  reporter: 'text' | 'json'
}

const PLACES = `
A PLACE is a target of this project (node, lambda, isolate), in an environment of the config (node@staging;
all places that name none: --env), a target of another project (../other:node), the URL of an app built
with --data-route (its token: --from-token, --to-token, or UNMOOR_DATA_TOKEN), or, to read from, the folder
of an archive.
A transfer that was broken off goes on when the same command runs again.`

/** Registers the command `unmoor data`. */
export function register(program: Command): void {
  const data = program
    .command('data')
    .description('move kv, blob and sql data between targets, deployments and archives, with proof')
  const common = (command: Command): Command =>
    addWorkerOptions(command)
      .option(
        '-b, --binding <names...>',
        'only these bindings (default: all kv, blob and sql bindings of the source)',
      )
      .option('--exclude-table <names...>', 'tables to leave out', [])
      .addOption(shared.project())
      .addOption(shared.envFile())
      .addOption(shared.reporter())
      .addHelpText('after', PLACES)
  const from = (command: Command): Command =>
    command
      .requiredOption('--from <place>', 'where the data is')
      .option('--from-token <token>', 'of the data route')
      .option(
        '--from-driver <binding=driver>',
        'a driver in place of the config\'s: links=redis, or links={"driver":"redis",...}',
        parseDriver,
        {},
      )
      .option('--from-data-dir <dir>', "folder of the target's local data")
  const to = (command: Command): Command =>
    command
      .requiredOption('--to <place>', 'where it goes')
      .option('--to-token <token>', 'of the data route')
      .option('--to-driver <binding=driver>', "a driver in place of the config's", parseDriver, {})
      .option('--to-data-dir <dir>', "folder of the target's local data")
  const writes = (command: Command): Command =>
    command
      .option('--into-non-empty', 'write over and beside what the target holds')
      .option('--dry-run', 'only check, and tell how much there is')
      .option('--restart', 'begin anew where an earlier run was broken off')
      .option('--rate <number>', 'records a second, at most', parseCount)
      .option('--concurrency <number>', 'writes under way at once (default: 16)', parseCount)
  // V8's flag `--optimize-for-size` makes `unmoor data` collect its millions of small records instead of
  // growing the heap (verifying a million records: 275 MB without the flag, 175 MB with it).
  data.hook('preAction', () => setFlagsFromString('--optimize-for-size'))
  common(writes(from(data.command('export <dir>').description('write an archive')))).action(
    (dir: string, given: Options) => exportData(dir, given),
  )
  common(writes(to(data.command('import <dir>').description('read an archive into a target')))).action(
    (dir: string, given: Options) => importData(dir, given),
  )
  common(writes(to(from(data.command('copy').description('from one place into another'))))).action(
    (given: Options) => copyData(given),
  )
  common(
    data
      .command('verify [dir]')
      .description('compare two places record by record, or an archive with its own checksums')
      .option('--from <place>', 'the first place')
      .option('--from-token <token>', 'of its data route')
      .option('--from-driver <binding=driver>', "a driver in place of the config's", parseDriver, {})
      .option('--from-data-dir <dir>', 'folder of its local data')
      .option('--to <place>', 'the second place')
      .option('--to-token <token>', 'of its data route')
      .option('--to-driver <binding=driver>', "a driver in place of the config's", parseDriver, {})
      .option('--to-data-dir <dir>', 'folder of its local data')
      .option(
        '--wait <seconds>',
        'go on comparing for so long where reads may be stale (default: 0)',
        parseCount,
      ),
  ).action((dir: string | undefined, given: Options) => verifyData(dir, given))
}

function parseCount(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1) throw new InvalidArgumentError('It is a whole number from 1.')
  return count
}

function parseDriver(
  text: string,
  before: Readonly<Record<string, string | DriverSpec>>,
): Record<string, string | DriverSpec> {
  const match = /^([A-Za-z]\w*)=(.+)$/s.exec(text)
  if (match === null) throw new InvalidArgumentError('Write BINDING=DRIVER, such as links=redis.')
  const [, binding = '', driver = ''] = match
  try {
    return { ...before, [binding]: driver.startsWith('{') ? (JSON.parse(driver) as DriverSpec) : driver }
  } catch {
    throw new InvalidArgumentError(`The driver of ${binding} is not JSON.`)
  }
}

function placeOptions(given: Options, side: 'from' | 'to'): PlaceOptions {
  const [token, drivers, dataDir] =
    side === 'from'
      ? [given.fromToken, given.fromDriver, given.fromDataDir]
      : [given.toToken, given.toDriver, given.toDataDir]
  return {
    ...chooseProject(given.project, given),
    environment: given.env,
    token,
    drivers,
    dataDir: dataDir === undefined ? undefined : resolve(dataDir),
    envFile: given.envFile === undefined ? undefined : resolve(given.envFile),
    exclude: given.excludeTable,
    bindings: given.binding,
  }
}

async function exportData(dir: string, given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  const folder = resolve(dir)
  const source = await openLive(given.from, placeOptions(given, 'from'))
  try {
    if (existsSync(join(folder, MANIFEST_FILE)))
      throw new UnmoorError(
        'AlreadyExists',
        `There is an archive in ${folder} already. Export into a folder of its own.`,
        { operation: 'data' },
      )
    const names = given.binding ?? Object.keys(source.bindings)
    const bindings = Object.fromEntries(
      names.flatMap((name) => (source.bindings[name] === undefined ? [] : [[name, source.bindings[name]]])),
    )
    if (given.dryRun === true)
      return tell(
        await run(
          source,
          dryArchive(folder, bindings),
          join(folder, '..', '.unmoor-dry-run.json'),
          given,
          report,
        ),
        report,
      )
    const journal = join(folder, PROGRESS_FILE)
    const { archive: resumed } = (await Journal.open(journal, source.label, folder, given.restart ?? false))
      .data
    const sink = await createArchive(folder, source.label, bindings, { resumed, restart: given.restart })
    const done = await run(source, sink, journal, given, report)
    report.print(`root hash: ${done.root}`)
    tell(done, report)
  } finally {
    await source.close()
  }
}

/** Creates a sink that drops all writes, for a dry run of `unmoor data`. */
function dryArchive(label: string, bindings: Source['bindings']): Sink {
  const empty = { isEmpty: async () => true, flush: async () => {} }
  return {
    label,
    bindings,
    kvWriter: () => ({ ...empty, write: async () => {} }),
    blobWriter: () => ({ ...empty, write: async () => '' }),
    sqlWriter: () => ({ ...empty, prepare: async (schema) => schema, write: async () => {} }),
    close: async () => {},
  }
}

async function importData(dir: string, given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  const source = await openArchive(resolve(dir))
  const wrong = await report.step('Checking the archive', () => damagedFiles(source.dir, source.manifest))
  if (wrong.length > 0)
    throw new UnmoorError(
      'ChecksumMismatch',
      `The archive in ${source.dir} is damaged: ${wrong.join('; ')}. Take another copy of it; nothing ` +
        'was written.',
      {
        operation: 'data',
      },
    )
  await move(source, given, report)
}

async function copyData(given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  await move(await openSource(given.from, placeOptions(given, 'from')), given, report)
}

async function move(source: Source, given: Options, report: Reporter): Promise<void> {
  try {
    if (isArchive(given.to))
      throw new UnmoorError(
        'InvalidArgument',
        `${given.to} is an archive. Write one with: unmoor data export ${given.to} --from PLACE`,
        {
          operation: 'config',
        },
      )
    const sink = await openLive(given.to, placeOptions(given, 'to'))
    try {
      tell(
        await run(
          source,
          sink,
          await journalPath(chooseProject(given.project, given).projectDir, source.label, sink.label),
          given,
          report,
        ),
        report,
      )
    } finally {
      await sink.close()
    }
  } finally {
    await source.close()
  }
}

function run(
  source: Source,
  sink: Parameters<typeof transfer>[1],
  journal: string,
  given: Options,
  report: Reporter,
): Promise<TransferReport> {
  const options: TransferOptions = {
    bindings: given.binding,
    journal,
    restart: given.restart,
    intoNonEmpty: given.intoNonEmpty,
    dryRun: given.dryRun,
    rate: given.rate,
    concurrency: given.concurrency,
    onProgress: progress(report),
  }
  return transfer(source, sink, options)
}

/**
 * Returns a callback that prints the progress of a data transfer every two seconds: amount, speed and
 * remaining time.
 */
function progress(report: Reporter): (state: TransferState) => void {
  const started = performance.now()
  let told = started
  let first: number | undefined
  return ({ binding, total }) => {
    const now = performance.now()
    first ??= total.doneRecords
    if (now - told < 2000) return
    told = now
    const seconds = (now - started) / 1000
    const rate = (total.doneRecords - first) / seconds
    const left = rate > 0 ? Math.ceil((total.records - total.doneRecords) / rate) : undefined
    const bytes = total.doneBytes > 0 ? `, ${formatBytes(total.doneBytes)}` : ''
    report.info(
      `${binding}: ${total.doneRecords} of ${total.records} ` +
        `records${bytes}, ${Math.round(rate)}/s${left === undefined ? '' : `, ${left} s left`}`,
    )
  }
}

function tell(done: TransferReport, report: Reporter): void {
  for (const [binding, { kind, records, bytes, expired }] of Object.entries(done.bindings)) {
    const soon = expired > 0 ? `, ${expired} that are about to expire left behind` : ''
    const moved = `${records} ${kind === 'sql' ? 'rows' : kind === 'kv' ? 'entries' : 'blobs'}`
    const size = bytes > 0 ? `, ${formatBytes(bytes)}` : ''
    report.print(`${binding}: ${done.dryRun ? 'would move ' : ''}${moved}${size}${soon}`)
  }
  report.print(
    done.dryRun
      ? 'Nothing was written.'
      : `From ${done.from} to ` +
          `${done.to}${done.resumed ? ', going on where an earlier run was broken off' : ''}.`,
  )
  report.result(done)
}

async function verifyData(dir: string | undefined, given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  if (dir !== undefined) {
    const archive = await openArchive(resolve(dir))
    const wrong = await damagedFiles(archive.dir, archive.manifest)
    wrong.push(...(await damagedBlobs(archive)))
    for (const line of wrong) report.print(line)
    report.print(
      wrong.length === 0
        ? `The archive is whole: root hash ${archive.manifest.root}`
        : 'The archive is damaged.',
    )
    report.result({ equal: wrong.length === 0, root: archive.manifest.root, damaged: wrong })
    if (wrong.length > 0) process.exitCode = 1
    if (given.from === undefined && given.to === undefined) return
  }
  const [first, second] = dir === undefined ? [given.from, given.to] : [dir, given.to ?? given.from]
  if (first === undefined || second === undefined)
    throw new UnmoorError('InvalidArgument', 'verify takes the folder of an archive, or --from and --to.', {
      operation: 'config',
    })
  const a = await openSource(first, placeOptions(given, 'from'))
  const b = await openSource(
    second,
    placeOptions(given, dir !== undefined && given.to === undefined ? 'from' : 'to'),
  )
  try {
    const found = await report.step('Comparing', () =>
      verify(a, b, { bindings: given.binding, wait: given.wait }),
    )
    for (const [binding, { records, differences, hash }] of Object.entries(found.bindings))
      report.print(
        `${binding}: ${records} ` +
          `records, ${differences === 0 ? `equal (${hash[0].slice(0, 16)}...)` : `${differences} differ`}`,
      )
    for (const { binding, table, key, what } of found.differences)
      report.print(`  ${binding}${table === undefined ? '' : `.${table}`} ${key}: ${what}`)
    report.print(found.equal ? 'Equal.' : `Different: ${a.label} and ${b.label}.`)
    report.result({ from: a.label, to: b.label, ...found })
    if (!found.equal) process.exitCode = 1
  } finally {
    await a.close()
    await b.close()
  }
}

/** Returns the blobs of a data archive whose bytes do not match their recorded hash. */
async function damagedBlobs(archive: Awaited<ReturnType<typeof openArchive>>): Promise<string[]> {
  const wrong: string[] = []
  for (const [binding, kind] of Object.entries(archive.bindings)) {
    if (kind !== 'blob') continue
    for await (const { record } of archive.blob(binding).read()) {
      try {
        if ((await archive.blobHash(record)) !== record.sha256)
          wrong.push(`${binding}: the bytes of ${JSON.stringify(record.key)} were changed`)
      } catch (error) {
        wrong.push(`${binding}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  return wrong
}
