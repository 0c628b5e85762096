import type { ReportedApp, Result } from './results.ts'

export const SUITE_NAMES = ['libraries', 'workers', 'frameworks'] as const
export type SuiteName = (typeof SUITE_NAMES)[number]

/** A folder of apps. What it imports may need the installed packages, so its modules are loaded when used. */
export interface Suite {
  readonly name: SuiteName
  readonly targets: readonly string[]
  /** Makes ready what all of its apps need. */
  prepare(say: (line: string) => void): Promise<void>
  /** Its apps, all or those named. @throws for an unknown name or a bad folder. */
  discover(names: readonly string[]): Promise<ReportedApp[]>
  /** Runs one app on the targets. @returns why nothing was run; undefined where it was. */
  run(
    name: string,
    targets: readonly string[],
    onResult: (result: Result) => Promise<void>,
  ): Promise<string | undefined>
}

const libraries: Suite = {
  name: 'libraries',
  targets: ['node', 'cloudflare', 'lambda', 'isolate'],
  prepare: async (say) => (await import('./install.ts')).install(say),
  discover: async (names) => (await import('./discover.ts')).discover(names),
  async run(name, targets, onResult) {
    const [library] = await (await import('./discover.ts')).discover([name])
    if (library === undefined) throw new Error(`There is no library ${name}.`)
    return withServices(async () =>
      (await import('./run.ts')).runLibrary(library, targets as never, onResult),
    )
  },
}

const workers: Suite = {
  name: 'workers',
  targets: ['node', 'lambda', 'isolate'],
  prepare: async (say) => (await import('./install.ts')).install(say),
  discover: async (names) => (await import('./workers/discover.ts')).discoverWorkers(names),
  run: (name, targets, onResult) =>
    withServices(async () => (await import('./workers/run.ts')).runWorker(name, targets as never, onResult)),
}

const frameworks: Suite = {
  name: 'frameworks',
  targets: ['node', 'lambda', 'isolate'],
  // Each app has packages of its own.
  prepare: async () => (await import('./install.ts')).linkPackage(),
  discover: async (names) => (await import('./frameworks/discover.ts')).discoverFrameworks(names),
  run: async (name, targets, onResult) =>
    (await import('./frameworks/run.ts')).runFramework(name, targets as never, onResult),
}

export const SUITES: Readonly<Record<SuiteName, Suite>> = { libraries, workers, frameworks }

/** Ends the servers that the run of an app started. */
async function withServices<Value>(run: () => Promise<Value>): Promise<Value> {
  try {
    return await run()
  } finally {
    await (await import('./services/index.ts')).stopServices()
  }
}
