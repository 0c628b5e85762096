/** Opens the stores of a project's target in this process, with the target's own drivers. */
import { isAbsolute, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Adapter, DriverSpec } from '../../adapter.ts'
import type { BlobDriver, DriverContext, KvDriver, SqlDriver } from '../../bindings/drivers.ts'
import { Sql } from '../../bindings/sql.ts'
import { loadAdapter } from '../build/adapters.ts'
import { resolveDrivers } from '../build/drivers.ts'
import { resolveFrom, resolvePublicName } from '../build/packages.ts'
import { loadProject, type Project, type WorkerChoice } from '../build/project.ts'
import { overrideDrivers, targetFolder } from '../build/environments.ts'
import { readEnvFiles } from '../build/variables.ts'
import { UnmoorError } from '../../errors.ts'
import { resolveOptions } from '../../runtime/runtime.ts'
import { createLive, type Live, type OpenBinding } from './live.ts'
import { canonicalJson, sha256, type DataKind } from './records.ts'

/** Options of {@link openProject}, which opens the stores of a project's target. */
export interface ProjectPlaceOptions {
  projectDir: string
  worker?: WorkerChoice | undefined
  /** Environment (of the config, or of the Worker's wrangler file) whose stores are opened. Default: none. */
  environment?: string | undefined
  target: string
  /** Drivers to open the project's bindings with in place of those of the config, by binding. */
  drivers?: Readonly<Record<string, string | DriverSpec>> | undefined
  /** Folder of the project's local data. Default: the config's `dataDir`, with the target's name below it. */
  dataDir?: string | undefined
  envFile?: string | undefined
  exclude: readonly string[]
  /** Names of the bindings whose stores are opened. Default: all bindings that hold data. */
  bindings?: readonly string[] | undefined
}

const DATA_KINDS: ReadonlySet<string> = new Set<DataKind>(['kv', 'blob', 'sql'])

/**
 * Opens the stores of a project's target as a source and sink of a data transfer.
 *
 * @throws `Unsupported` for drivers that exist only on the platform (Cloudflare's), which are accessed
 * through the app's data route.
 */
export async function openProject(options: ProjectPlaceOptions): Promise<Live> {
  const { adapter, project, open, close } = await openBindings(options)
  return createLive(label(adapter.name, project.name, options), open, close)
}

/** The bindings of a project that hold data, opened with a target's drivers. */
export interface OpenBindings {
  readonly adapter: Adapter
  readonly project: Project
  readonly open: ReadonlyMap<string, OpenBinding>
  readonly close: () => Promise<void>
}

/** Opens the data bindings of a project, as {@link openProject} does. */
export async function openBindings(options: ProjectPlaceOptions): Promise<OpenBindings> {
  const project = await loadProject(options.projectDir, {
    worker: options.worker,
    environment: options.environment,
  })
  const adapter = await loadAdapter(options.target, project.projectDir, project.config)
  const config = overrideDrivers(project.config, adapter.name, options.drivers)
  const drivers = await resolveDrivers(project.manifest, adapter, config, project.projectDir)
  const file = await readEnvFiles(project.projectDir, {
    named: options.envFile,
    environment: options.environment ?? project.environment,
  })
  const variables: Record<string, string | undefined> = { ...file.variables, ...process.env }
  const open = new Map<string, OpenBinding>()
  const closing: (() => Promise<void> | void)[] = []
  const close = async (): Promise<void> => {
    for (const end of closing) await end()
  }
  try {
    for (const [binding, { kind, spec, module }] of Object.entries(drivers)) {
      const declaration = project.manifest.bindings[binding]
      if (
        declaration === undefined ||
        !DATA_KINDS.has(declaration.kind) ||
        (options.bindings !== undefined && !options.bindings.includes(binding))
      )
        continue
      const context: DriverContext = {
        binding,
        app: project.name,
        declaration,
        dataDir: options.dataDir ?? join(project.dataDir, targetFolder(adapter.name, project.environment)),
        variable: (name) => variables[name],
        now: Date.now,
      }
      const create = await loadFactory(module, kind, adapter, binding, project.projectDir)
      const driver = await create(resolveOptions(spec, binding, context), context)
      closing.push(() => driver.close?.())
      if (declaration.kind === 'kv') open.set(binding, { kind: 'kv', driver: driver as KvDriver })
      if (declaration.kind === 'blob') open.set(binding, { kind: 'blob', driver: driver as BlobDriver })
      if (declaration.kind === 'sql')
        open.set(binding, {
          kind: 'sql',
          db: new Sql(driver as SqlDriver, { binding }),
          exclude: options.exclude,
        })
    }
  } catch (error) {
    await close()
    throw error
  }
  return { adapter, project, open, close }
}

/**
 * Returns a label of a project's target that differs between places with different drivers or folders.
 * Drivers appear as a hash, since their options may contain passwords.
 */
function label(target: string, app: string, { drivers, dataDir }: ProjectPlaceOptions): string {
  const own =
    drivers === undefined || Object.keys(drivers).length === 0
      ? ''
      : ` with drivers ${sha256(canonicalJson(drivers)).slice(0, 8)}`
  return `${target} of ${app}${dataDir === undefined ? '' : ` in ${dataDir}`}${own}`
}

type Factory = (options: object, context: DriverContext) => Promise<KvDriver | BlobDriver | SqlDriver>

async function loadFactory(
  module: string,
  kind: string,
  adapter: Adapter,
  binding: string,
  projectDir: string,
): Promise<Factory> {
  if (Object.values(adapter.drivers ?? {}).includes(module))
    throw new UnmoorError(
      'Unsupported',
      `Binding "${binding}": its driver runs on ${adapter.name} only. Build the app with --data-route, ` +
        `start or deploy it, and give its URL in place of "${adapter.name}".`,
      { binding, operation: 'data' },
    )
  const path = isAbsolute(module) ? module : (resolvePublicName(module) ?? resolveFrom(projectDir, module))
  return ((await import(pathToFileURL(path).href)) as Record<string, Factory>)[kind] as Factory
}
