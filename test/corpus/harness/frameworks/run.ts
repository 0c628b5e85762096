import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { messageOf, type Result, failure } from '../results.ts'
import type { WorkerTarget } from '../worker/case.ts'
import { runWorkerApp } from '../worker/run.ts'
import { discoverFrameworks } from './discover.ts'
import { prepareFramework } from './install.ts'

/** Has the framework build its app, serves that by wrangler and on every target, and compares. */
export async function runFramework(
  name: string,
  targets: readonly WorkerTarget[],
  onResult: (result: Result) => Promise<void>,
): Promise<string | undefined> {
  const [framework] = await discoverFrameworks([name])
  if (framework === undefined) throw new Error(`There is no framework ${name}.`)
  const scratch = await mkdtemp(join(tmpdir(), `unmoor-framework-${name}-`))
  try {
    const dir = await prepareFramework(framework)
    const app = { ...framework, dir, config: await wranglerFile(dir), worker: '.', scratch }
    await runWorkerApp(app, targets, onResult)
  } catch (error) {
    for (const target of targets) await onResult(failure(framework, target, 'build', [messageOf(error)]))
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 })
  }
  return undefined
}

/** The file that `wrangler deploy` takes: the one that the framework's build wrote, or the project's. */
async function wranglerFile(dir: string): Promise<string> {
  const redirect = join(dir, '.wrangler/deploy/config.json')
  if (existsSync(redirect)) {
    const { configPath } = JSON.parse(await readFile(redirect, 'utf8')) as { configPath: string }
    return resolve(dirname(redirect), configPath)
  }
  const names = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml']
  const found = names.map((name) => join(dir, name)).find((path) => existsSync(path))
  if (found === undefined) throw new Error(`There is no wrangler file in ${dir}.`)
  return found
}
