/** The property's app on targets' real runtimes. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalRuntime } from '../../core/adapter.ts'
import { loadAdapter } from '../../core/tools/build/adapters.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'

export const TARGETS = ['node', 'cloudflare', 'lambda', 'isolate'] as const
export type Target = (typeof TARGETS)[number]

/** Targets that answer, by name. */
export interface Running extends AsyncDisposable {
  readonly urls: ReadonlyMap<Target, string>
}

/** Builds the app for each target and starts it. */
export async function startTargets(targets: readonly Target[]): Promise<Running> {
  const project = await tempProject({
    'src/app.ts': await readFile(join(import.meta.dirname, 'app.ts'), 'utf8'),
  })
  const runtimes: LocalRuntime[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(runtimes.map((runtime) => runtime.stop()))
    await project[Symbol.asyncDispose]()
  }
  try {
    const urls = new Map<Target, string>()
    for (const target of targets) {
      const adapter = await loadAdapter(target, project.dir)
      const built = await buildApp({ projectDir: project.dir, target, adapter })
      const runtime = await adapter.start({
        dir: built.outDir,
        info: built.info,
        dataDir: join(project.dir, 'data', target),
        port: 0,
        variables: {},
        log: { info() {}, warn() {} },
      })
      runtimes.push(runtime)
      urls.set(target, runtime.url)
    }
    return { urls, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}
