/** Bundles the app for a target, to learn the modules of the bundle and which imports the target lacks. */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Adapter, Log } from '../../adapter.ts'
import { bundle } from '../build/bundle.ts'
import { bundleSettings } from '../build/bundle-settings.ts'
import { appChain } from '../build/import-checks.ts'
import type { Offence } from '../build/offence.ts'
import type { LoadedConfig } from '../build/project.ts'

type BundledProject = Pick<LoadedConfig, 'projectDir' | 'entry' | 'worker' | 'config'>

/** Modules, unresolved imports and size of the bundle of an app for one target. */
export interface ModuleGraph {
  /** Absolute paths of the modules in the bundle, without the generated entry. */
  modules: readonly string[]
  /** Imports of the app that the target lacks or that do not resolve. */
  offences: readonly Offence[]
  /**
   * Returns the chain of importing files from the app's entry to a module, both included; undefined if only
   * unmoor's own code imports the module.
   */
  chain(module: string): readonly string[] | undefined
  /** Bytes of the app's minified bundle, without the target's run-time code. */
  size: number
}

/**
 * Size limit of an app in bytes of all its modules: up to it, the app is bundled for several targets in
 * parallel.
 */
const SMALL = 2_000_000

/**
 * Returns the module graphs of all targets, in the order of `adapters`. The bundler takes some 60 bytes of
 * memory per source byte, so large apps are bundled for one target after another.
 *
 * @throws the errors of {@link readModuleGraph}.
 */
export async function readModuleGraphs(
  adapters: readonly Adapter[],
  project: BundledProject,
  log: Log,
): Promise<ModuleGraph[]> {
  const [first, ...rest] = adapters
  if (first === undefined) return []
  const graphs = [await readModuleGraph(first, project, log)]
  if (await isSmall(graphs[0] as ModuleGraph))
    return graphs.concat(await Promise.all(rest.map((adapter) => readModuleGraph(adapter, project, log))))
  for (const adapter of rest) graphs.push(await readModuleGraph(adapter, project, log))
  return graphs
}

async function isSmall({ modules }: ModuleGraph): Promise<boolean> {
  let bytes = 0
  for (const module of modules)
    bytes += await stat(module).then(
      ({ size }) => size,
      () => 0,
    )
  return bytes <= SMALL
}

/**
 * Bundles the app for a target, reads the module graph and drops the output.
 *
 * @throws `InvalidArgument` if the app does not compile.
 */
export async function readModuleGraph(
  adapter: Adapter,
  project: BundledProject,
  log: Log,
): Promise<ModuleGraph> {
  const scratch = await mkdtemp(join(tmpdir(), 'unmoor-check-'))
  let found: Omit<ModuleGraph, 'size'> | undefined
  try {
    const { file } = await bundle(
      { entry: "import * as app from '#app'\nexport default app.default", file: 'app.mjs' },
      {
        projectDir: project.projectDir,
        outDir: scratch,
        appEntry: project.entry,
        target: adapter.name,
        conditions: adapter.conditions,
        nodeBuiltins: adapter.nodeBuiltins,
        log,
        installsPackages: adapter.code?.packages,
        externalPackages: bundleSettings(project.config, adapter.name).external,
        sourcemap: false,
        worker: project.worker,
        inspect: (graph, offences) => {
          const importers = new Map([...graph.modules].map((id) => [id, [...graph.importers(id)]]))
          const still = { modules: graph.modules, importers: (id: string) => importers.get(id) ?? [] }
          found = {
            modules: [...graph.modules].filter((id) => !id.startsWith('\0')),
            offences: offences.filter(({ importer }) => graph.modules.has(importer)),
            chain: (module) => appChain(module, still, project.entry),
          }
        },
      },
    )
    return { ...(found as Omit<ModuleGraph, 'size'>), size: (await stat(file)).size }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
