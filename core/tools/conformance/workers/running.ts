/** Builds and starts the fixture Worker on a target. Runs on Node. */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Adapter, Log } from '../../../adapter.ts'
import type { AnyConfig } from '../../../config.ts'
import { buildApp } from '../../build/build.ts'
import { findWranglerFile } from '../../build/wrangler/file.ts'
import { createChannelClient } from '../../../runtime/test-channel.ts'
import { DRIVERS, PROJECT_FILES, TOKEN, wranglerFile } from './fixture/project.ts'
import type { RunningWorker } from './running-worker.ts'
import { startSimulator } from './simulator.ts'

/** Returns true if a target supports Durable Objects. */
export function hasObjects(target: string): boolean {
  return target !== 'lambda'
}

/** Writes the fixture Worker's project into a fresh folder. */
async function writeProject(target: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-workers-'))
  const own = fileURLToPath(import.meta.url)
  const worker = JSON.stringify(join(dirname(own), 'fixture', `worker${extname(own)}`))
  const entry = [
    `import './own-process.js'`,
    `import text from './text.txt'`,
    `import data from './data.bin'`,
    `import { setModules } from ${worker}`,
    `setModules({ text, data })`,
    `export * from ${worker}`,
    `export { default } from ${worker}`,
    '',
  ].join('\n')
  const files = {
    ...PROJECT_FILES,
    'wrangler.jsonc': wranglerFile(hasObjects(target)),
    '.dev.vars': `TOKEN=${TOKEN}\n`,
    'src/index.js': entry,
  }
  await writeFiles(dir, files)
  return dir
}

/** Writes the files of a Worker project, keyed by their paths below `dir`. */
export async function writeFiles(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
}

const KEPT_LINES = 60

/**
 * Builds the fixture Worker for a target and starts it there. The target `cloudflare` is workerd with
 * miniflare's simulators, without any code of unmoor.
 */
export async function startWorker(target: string, log: Log): Promise<RunningWorker> {
  const projectDir = await writeProject(target)
  const cleanUp = (): Promise<void> => rm(projectDir, { recursive: true, force: true, maxRetries: 10 })
  const lines: string[] = []
  const onOutput = (line: string): void => {
    lines.push(line)
    if (lines.length > KEPT_LINES) lines.shift()
  }
  try {
    const running = await startProject(projectDir, target, log, onOutput, DRIVERS)
    return {
      ...running,
      output: () => lines,
      async stop() {
        await running.stop()
        await cleanUp()
      },
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

/** Starts any Worker project: in workerd itself on `cloudflare`, otherwise built for the target. */
export async function startProject(
  projectDir: string,
  target: string,
  log: Log,
  onOutput: (line: string) => void,
  drivers?: AnyConfig['drivers'],
): Promise<Omit<RunningWorker, 'output'>> {
  return target === 'cloudflare'
    ? startSimulator(projectDir, onOutput)
    : startBuilt(projectDir, target, log, onOutput, drivers)
}

/** Builds any Worker project for a target other than Cloudflare, and starts it. */
export async function startBuilt(
  projectDir: string,
  target: string,
  log: Log,
  onOutput: (line: string) => void,
  drivers: AnyConfig['drivers'] = {},
): Promise<Omit<RunningWorker, 'output'>> {
  const testToken = randomUUID()
  // The isolate's CPU limit is raised, since one request runs many Workers cases and the limit counts them
  // together.
  const config = {
    drivers,
    targets: {
      lambda: { options: { timeout: 60, maxEnvironments: 4 } },
      // `allow` names this machine, where the servers run that the Workers of the cases fetch from.
      isolate: { options: { cpuMs: 20_000, startupTimeout: 60, outbound: { allow: ['127.0.0.1'] } } },
    },
  }
  const built = await buildApp({
    projectDir,
    target,
    worker: basename(findWranglerFile(projectDir) ?? 'wrangler.jsonc'),
    testChannel: true,
    config,
    log,
  })
  const adapter: Adapter = built.adapter
  const runtime = await adapter.start({
    dir: built.outDir,
    info: built.info,
    dataDir: join(projectDir, 'data'),
    port: 0,
    variables: { TOKEN },
    testToken,
    onOutput,
    log,
  })
  const names = Object.entries(built.project.worker?.spec.crons ?? {})
  return {
    url: runtime.url,
    runtime: runtime.runtime,
    async runCron(cron, scheduledTime) {
      const name = names.find(([, one]) => one.cron === cron)?.[0] ?? cron
      if (runtime.runCron !== undefined) await runtime.runCron(name, scheduledTime)
      else await createChannelClient(runtime.url, testToken).call({ op: 'cron', name, scheduledTime })
    },
    stop: () => runtime.stop(),
  }
}
