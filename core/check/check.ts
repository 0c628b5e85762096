import { existsSync } from 'node:fs'
import { relative, sep } from 'node:path'
import type { Adapter, Log } from '../adapter.ts'
import type { SqlDialect } from '../bindings/drivers.ts'
import { loadAdapter } from '../build/adapters.ts'
import { resolveDrivers } from '../build/drivers.ts'
import { TARGETS } from '../build/targets.ts'
import { isOwnFile } from '../build/packages.ts'
import { loadConfig, loadProject, type LoadedConfig, type Project } from '../build/project.ts'
import type { Config } from '../config.ts'
import { isUnmoorError } from '../errors.ts'
import { checkModules } from './app-modules.ts'
import type { CheckContext } from './context.ts'
import { checkDependencies } from './dependencies.ts'
import type { CheckedTarget } from './file-rules.ts'
import type { Finding, Report } from './finding.ts'
import { checkImports } from './import-rules.ts'
import { checkMigrations } from './migration-files.ts'
import { readModuleGraph, type ModuleGraph } from './module-graph.ts'
import { RULES } from './rules.ts'
import { checkVariables } from './variables.ts'
import { checkSizes } from './size-rules.ts'
import { readSourceFile, type SourceFile, type SourceText } from './source-file.ts'
import { applySilences } from './silences.ts'

/** Options of {@link checkApp}. */
export interface CheckOptions {
  /** The user's project. */
  projectDir: string
  /** Default: unmoor's four. */
  targets?: readonly string[] | undefined
  /** In place of the project's config file. */
  config?: Config | undefined
  /** Variables and secrets, which are then looked for in it. Default: `.env` of the project, if it is there. */
  envFile?: string | undefined
}

/** What a check found. */
export interface CheckResult {
  /** By file, line and column. */
  findings: Finding[]
  /** The app's own modules and migrations that were read. */
  files: number
  targets: string[]
  /** The text of a file with findings, for a code frame. */
  source(file: string): SourceText | undefined
}

const SILENT: Log = { info() {}, warn() {} }

/**
 * Reads the app, its dependencies and its migrations, and tells what the targets cannot honour. Runs nothing but the app's declarations.
 *
 * @throws `InvalidArgument` (operation `config`) for a config that does not hold or an unknown target; `InvalidArgument` for an app that does not compile.
 */
export async function checkApp(options: CheckOptions): Promise<CheckResult> {
  const names = options.targets ?? [...TARGETS]
  const loaded = await loadConfig(options.projectDir, { given: options.config })
  const adapters = await Promise.all(names.map((name) => loadAdapter(name, loaded.projectDir, loaded.config)))
  const [project, ...graphs] = await Promise.all([
    loadProject(options.projectDir, options).catch((error: unknown) => error),
    ...adapters.map((adapter) => readModuleGraph(adapter, loaded, SILENT)),
  ])
  const manifest = isProject(project) ? project.manifest : undefined
  const findings = new Map<string, Finding>()
  const sources = new Map<string, SourceText>()
  const short = (path: string): string => relative(loaded.projectDir, path).split(sep).join('/')
  const all = adapters.map(({ name }) => name)
  const add: CheckContext['add'] = (file, reports, chain) => {
    for (const report of applySilences(file, reports)) {
      const finding = toFinding(report, file, short, all, chain)
      const key = `${finding.rule} ${finding.file}:${finding.line}:${finding.column} ${finding.message}`
      const known = findings.get(key)
      findings.set(
        key,
        known === undefined ? finding : { ...known, targets: all.filter((name) => known.targets.includes(name) || finding.targets.includes(name)) },
      )
      sources.set(finding.file, file)
    }
  }
  const entryReports: Report[] = []
  const targets: CheckedTarget[] = []
  for (const adapter of adapters) targets.push({ name: adapter.name, adapter, dialects: await dialectsOf(adapter, manifest, loaded, entryReports) })
  const modules = new Map<string, SourceFile>()
  const paths = new Set(graphs.flatMap(({ modules: ids }) => ids.filter((id) => isAppModule(id, loaded.projectDir))))
  paths.add(loaded.entry)
  for (const path of [...paths].sort()) modules.set(path, await readSourceFile(path))
  const context: CheckContext = {
    project: loaded,
    manifest,
    targets,
    graphs: new Map(targets.map((target, index) => [target, graphs[index] as ModuleGraph])),
    modules,
    add,
  }
  const entry = modules.get(loaded.entry) as SourceFile
  checkModules(context)
  await checkImports(context)
  await checkDependencies(context)
  const migrations = await checkMigrations(context)
  await checkVariables(context, options.envFile)
  checkSizes(context, isProject(project) ? project.assets : undefined)
  // Where a rule names the place already, the failed load says it once more, without one.
  if (!isProject(project) && ![...findings.values()].some(({ severity }) => severity === 'error')) {
    if (!isUnmoorError(project)) throw project
    entryReports.push({ rule: 'app-load', at: 0, message: project.message })
  }
  add(entry, entryReports)
  const sorted = [...findings.values()].sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1))
  return { findings: sorted, files: modules.size + migrations, targets: all, source: (file) => sources.get(file) }
}

function isProject(value: unknown): value is Project {
  return typeof value === 'object' && value !== null && 'manifest' in value
}

/** Modules that the app's author wrote: in the project, and not installed. */
function isAppModule(id: string, projectDir: string): boolean {
  return id.startsWith(projectDir + sep) && !id.includes(`${sep}node_modules${sep}`) && !isOwnFile(id) && /\.[cm]?[jt]sx?$/.test(id) && existsSync(id)
}

async function dialectsOf(
  adapter: Adapter,
  manifest: Project['manifest'] | undefined,
  loaded: LoadedConfig,
  reports: Report[],
): Promise<ReadonlySet<SqlDialect>> {
  const byDriver = (driver: string | undefined): SqlDialect[] =>
    driver === 'postgres' ? ['postgres'] : driver === 'sqlite' || driver === 'cloudflare' ? ['sqlite'] : ['sqlite', 'postgres']
  const fallback = byDriver(adapter.defaultDrivers.sql?.driver)
  if (manifest === undefined) return new Set(fallback)
  try {
    const drivers = Object.values(await resolveDrivers(manifest, adapter, loaded.config, loaded.projectDir)).filter(({ kind }) => kind === 'sql')
    return new Set(drivers.length === 0 ? fallback : drivers.flatMap(({ spec }) => byDriver(spec.driver)))
  } catch (error) {
    if (!isUnmoorError(error)) throw error
    reports.push({ rule: 'app-driver', at: 0, message: error.message, targets: [adapter.name] })
    return new Set(fallback)
  }
}

function toFinding(report: Report, file: SourceText, short: (path: string) => string, all: readonly string[], chain: readonly string[] | undefined): Finding {
  const { line, column } = file.position(report.at)
  const rest = file.line(line).length - column + 1
  return {
    rule: report.rule,
    severity: report.severity ?? 'error',
    file: short(file.path),
    line,
    column,
    length: Math.max(1, Math.min(report.length ?? 1, rest)),
    message: report.message,
    instead: report.instead ?? RULES[report.rule].instead,
    targets: report.targets ?? all,
    ...(chain === undefined ? {} : { chain: chain.map(short) }),
  }
}
