import { resolve } from 'node:path'
import type { Command } from 'commander'
import { knownTargets } from '../../build/adapters.ts'
import {
  addWorkerOptions,
  inspectPort,
  loadTargets,
  options,
  parsePort,
  strictBuild,
  strictSeed,
  type WorkerOptions,
} from '../options.ts'
import { DevPage } from '../../dev/dev-page.ts'
import { DevFront } from '../../dev/front.ts'
import { type DevEvents, DevLoop, readVariables } from '../../dev/loop.ts'
import { listenToKeys, openBrowser } from '../dev/keys.ts'
import { createReporter, type Reporter } from '../reporter.ts'
import { onStop } from '../signals.ts'
import { type Inputs, watchProject } from '../../dev/watch.ts'

interface Options extends WorkerOptions {
  target: string
  port: number
  host: string
  envFile?: string
  dataDir?: string
  strict?: number | true
  inspect?: number | true
  open?: true
  /** Port of the page; false for no page. */
  page?: number | false
  project: string
}

/** Registers the command `unmoor dev`. */
export function register(program: Command): void {
  const command = program
    .command('dev')
    .description(
      'build and run the app, and again at every change; a build that fails leaves the old one running',
    )
    .addOption(options.target().makeOptionMandatory(false).default('node'))
    .addOption(options.port().env('PORT'))
    .addOption(options.host())
    .addOption(options.envFile())
    .addOption(options.dataDir())
    .addOption(options.strict())
    .addOption(options.inspect())
    .option('--open', 'open the app in the browser')
    .option(
      '--page <port>',
      "port of the page with the app's data, crons and logs (default: a free one)",
      parsePort,
    )
    .option('--no-page', 'no page; the build is then the one of `unmoor build`, in the same folder')
    .addOption(options.project())
    .action(dev)
  addWorkerOptions(command)
}

async function dev(given: Options): Promise<void> {
  const report = createReporter('text')
  // A wrong target ends `unmoor dev` at once. An error that a change of the app's files can fix does not end
  // it.
  const loaded = await loadTargets(given.project, [given.target], given)
  const { projectDir, targets, dataDir, environment, choice } = loaded
  const target = targets[0] as string
  const strict = strictSeed(given.strict, report)
  const inspected = inspectPort(given.inspect, target)
  const front = await DevFront.listen(given.port, given.host)
  if (given.port !== 0 && front.port !== given.port)
    report.info(`Port ${given.port} is in use: the app is at ${front.port}.`)
  let inputs: Inputs | undefined
  const changes = watchProject(
    projectDir,
    [given.dataDir === undefined ? dataDir : resolve(given.dataDir)],
    () => inputs,
  )
  const url = `http://${given.host.includes(':') ? `[${given.host}]` : given.host}:${front.port}`
  const page = await openPage(given, url, front, {
    projectDir,
    worker: choice,
    environment: given.env,
    targets: knownTargets(loaded.config),
    variables: async (info, project) =>
      (await readVariables(info, project, { ...given, projectDir })).variables,
  })
  const loop = new DevLoop(
    {
      ...given,
      projectDir,
      target,
      choice,
      environment,
      inspectPort: inspected,
      build: strictBuild(strict, target, environment),
    },
    { front, page, events: printEvents(url, report) },
  )
  const release = onStop(() => changes.close())
  const ignoreKeys = listenToKeys({ url, pageUrl: page?.url, reload: () => changes.again('') }, report)
  if (page !== undefined) report.print(`Data, crons, logs and comparison of this app: ${page.url}`)
  if (given.open === true) openBrowser(url, report)
  try {
    for (;;) {
      inputs = await loop.rebuild()
      // If a file of the app changes while `unmoor dev` builds it, `next` resolves immediately and the app is
      // built again.
      const changed = await changes.next()
      if (changed === undefined) break
      report.info(changed === '' ? 'Building again.' : `${changed} changed`)
    }
  } finally {
    ignoreKeys()
    changes.close()
    release()
    await Promise.all([front.close(), page?.close()])
    await loop.stop()
  }
}

/** Opens the page of `unmoor dev`, unless `--no-page` was given. */
async function openPage(
  given: Options,
  url: string,
  front: DevFront,
  compared: Parameters<typeof DevPage.open>[2],
): Promise<DevPage | undefined> {
  if (given.page === false) return undefined
  try {
    const page = await DevPage.open(given.page ?? 0, url, compared)
    front.onAnswered = (answered) => page.activity.request(answered)
    return page
  } catch (error) {
    await front.close()
    throw error
  }
}

/** Prints what the dev loop tells. */
function printEvents(url: string, report: Reporter): DevEvents {
  return {
    info: (message) => report.info(message),
    warn: (message) => report.warn(message),
    output: (line) => void process.stderr.write(`${line}\n`),
    started: ({ name, runtime, ms }) =>
      report.print(`${name} on ${runtime}: ${url} (built in ${Math.round(ms)} ms; Ctrl-C stops it)`),
    failed(message, keepsRunning) {
      const next = keepsRunning ? 'The old build keeps running.' : 'Waiting for a change.'
      report.print(`error: ${message}\n${next}`)
    },
  }
}
