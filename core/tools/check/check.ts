import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import type { Adapter, Log } from '../../adapter.ts'
import type { SqlDialect } from '../../bindings/drivers.ts'
import { loadAdapter } from '../build/adapters.ts'
import { resolveDrivers } from '../build/drivers.ts'
import { TARGETS } from '../build/targets.ts'
import { isOwnFile } from '../build/packages.ts'
import { checkTarget } from '../build/worker/worker.ts'
import { findWranglerFile } from '../build/wrangler/file.ts'
import {
  loadConfig,
  loadProject,
  type LoadedConfig,
  type Project,
  type WorkerChoice,
} from '../build/project.ts'
import type { AnyConfig } from '../../config.ts'
import { isUnmoorError } from '../../errors.ts'
import { checkModules } from './app-modules.ts'
import type { CheckContext } from './context.ts'
import { checkDependencies } from './dependencies.ts'
import type { CheckedTarget } from './file-rules.ts'
import type { Finding, Report, Severity } from './finding.ts'
import { checkImports } from './import-rules.ts'
import { checkMigrations } from './migration-files.ts'
import { readModuleGraphs, type ModuleGraph } from './module-graph.ts'
import { RULES, type RuleId } from './rules.ts'
import { checkEnvironment } from './environment-rule.ts'
import { packageSilences, sumUp } from './packages.ts'
import { checkVariables } from './variables.ts'
import { checkSizes } from './size-rules.ts'
import { readSourceFile, type SourceFile, SourceText } from './source-file.ts'
import { applySilences } from './silences.ts'

/** Options of {@link checkApp}. */
export interface CheckOptions {
  /** Folder of the project to check. */
  projectDir: string
  /**
   * Names of the targets to check. Default: unmoor's four targets, for an existing Worker without
   * cloudflare.
   */
  targets?: readonly string[] | undefined
  /** Existing Worker to check instead of an app: its wrangler file. Default: the config's. */
  worker?: WorkerChoice | undefined
  /** Environment of the config, or of the Worker's wrangler file. Default: none. */
  environment?: string | undefined
  /** Config to use instead of the project's config file. */
  config?: AnyConfig | undefined
  /**
   * Env file that should name all required variables and secrets. Default: `.env`, `.env.local` and those of
   * the environment, if one of them exists.
   */
  envFile?: string | undefined
}

/** Result of {@link checkApp}, the function behind `unmoor check`. */
export interface CheckResult {
  /** The findings of the check, sorted by file, line and column. */
  findings: Finding[]
  /** Number of the app's own modules and migration files that the check read. */
  files: number
  targets: string[]
  /** Returns the text of a source file with findings, for a code frame; undefined for any other file. */
  source(file: string): SourceText | undefined
}

const SILENT: Log = { info() {}, warn() {} }

/**
 * Statically checks the app, its dependencies and its migrations for anything that the targets cannot honour.
 * Only the app's declarations are run.
 *
 * @throws `InvalidArgument` (operation `config`) for an invalid config or an unknown target;
 * `InvalidArgument` for an app that does not compile.
 */
export async function checkApp(options: CheckOptions): Promise<CheckResult> {
  const warnings: string[] = []
  const log: Log = { info() {}, warn: (message) => void warnings.push(message) }
  let loaded: LoadedConfig
  try {
    loaded = await loadConfig(options.projectDir, {
      given: options.config,
      worker: options.worker,
      environment: options.environment,
      log,
      compile: true,
    })
  } catch (error) {
    const refused =
      options.worker === undefined
        ? undefined
        : await refusedSetting(error, options, options.targets ?? defaultTargets(true))
    if (refused === undefined) throw error
    return refused
  }
  const names = options.targets ?? defaultTargets(loaded.worker !== undefined)
  const adapters = await Promise.all(names.map((name) => loadAdapter(name, loaded.projectDir, loaded.config)))
  const loading = loadProject(options.projectDir, options).catch((error: unknown) => error)
  // A Worker's generated entry is written while the project loads, so bundling for the module graphs waits
  // for that.
  if (loaded.worker !== undefined) await loading
  const [project, graphs] = await Promise.all([loading, readModuleGraphs(adapters, loaded, SILENT)])
  const manifest = isProject(project) ? project.manifest : undefined
  const short = (path: string): string => relative(loaded.projectDir, path).split(sep).join('/')
  const all = adapters.map(({ name }) => name)
  const { findings, sources, add } = collectFindings(all, short, packageSilences(loaded.config.check))
  const entryReports: Report[] = []
  const targets = await checkedTargets(adapters, manifest, loaded, entryReports)
  const main = loaded.worker?.main ?? loaded.entry
  const modules = await readAppModules(graphs, main, loaded)
  const context: CheckContext = {
    project: loaded,
    manifest,
    targets,
    graphs: new Map(targets.map((target, index) => [target, graphs[index] as ModuleGraph])),
    modules,
    isWorker: loaded.worker !== undefined,
    add,
  }
  const entry = modules.get(main) as SourceFile
  await checkModules(context)
  await checkImports(context)
  await checkDependencies(context)
  const migrations = await checkMigrations(context)
  await checkVariables(context, options.envFile)
  checkEnvironment(context)
  checkSizes(context, isProject(project) ? project.assets : undefined)
  // A failure to load the app is reported only if no rule has reported an error at a place in the source.
  if (!isProject(project) && ![...findings.values()].some(({ severity }) => severity === 'error')) {
    if (!isUnmoorError(project)) throw project
    entryReports.push({ rule: 'app-load', at: 0, message: project.message })
  }
  // The build's refusal of sockets has no place; the rule has reported the declaration if the source has it.
  const isPlaced = ({ rule, targets: lacking = [] }: Report): boolean =>
    rule === 'sockets-capability' &&
    [...findings.values()].some((one) => one.rule === rule && lacking.every((t) => one.targets.includes(t)))
  add(
    entry,
    entryReports.filter((report) => !isPlaced(report)),
  )
  if (options.worker !== undefined) await reportSettings(warnings, 'warning', options, add)
  return {
    findings: sumUp([...findings.values()]).sort((a, b) =>
      a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
    ),
    files: modules.size + migrations,
    targets: all,
    source: (file) => sources.get(file),
  }
}

/** Returns the targets to check if none is named. A Worker runs on Cloudflare without unmoor. */
function defaultTargets(isWorker: boolean): string[] {
  return TARGETS.filter((target) => !isWorker || target !== 'cloudflare')
}

/**
 * Collects the reports of the check's rules as findings. Equal findings for several targets become one that
 * names these targets.
 */
function collectFindings(
  targets: readonly string[],
  short: (path: string) => string,
  isSilenced: (path: string, rule: RuleId) => boolean,
): { findings: Map<string, Finding>; sources: Map<string, SourceText>; add: CheckContext['add'] } {
  const findings = new Map<string, Finding>()
  const sources = new Map<string, SourceText>()
  return {
    findings,
    sources,
    add(file, reports, chain) {
      for (const report of applySilences(file, reports)) {
        if (isSilenced(file.path, report.rule)) continue
        const finding = toFinding(report, file, short, targets, chain)
        const key = `${finding.rule} ${finding.file}:${finding.line}:${finding.column} ${finding.message}`
        const known = findings.get(key)
        const isNamed = (name: string): boolean =>
          known?.targets.includes(name) === true || finding.targets.includes(name)
        findings.set(key, known === undefined ? finding : { ...known, targets: targets.filter(isNamed) })
        sources.set(finding.file, file)
      }
    },
  }
}

/** Adds to each checked target its SQL dialects. A target that cannot build the app is reported. */
async function checkedTargets(
  adapters: readonly Adapter[],
  manifest: Project['manifest'] | undefined,
  loaded: LoadedConfig,
  reports: Report[],
): Promise<CheckedTarget[]> {
  const targets: CheckedTarget[] = []
  for (const adapter of adapters) {
    const dialects = await dialectsOf(adapter, manifest, loaded, reports)
    targets.push({ name: adapter.name, adapter, dialects })
  }
  for (const target of targets) {
    try {
      if (loaded.worker !== undefined) checkTarget(loaded.worker, target.name)
    } catch (error) {
      if (!isUnmoorError(error)) throw error
      reports.push({ rule: 'worker-target', at: 0, message: error.message, targets: [target.name] })
    }
  }
  return targets
}

/**
 * Parses the app's own modules in the bundles of all targets and returns them by path. The module `main`
 * takes the place of a generated entry.
 */
async function readAppModules(
  graphs: readonly ModuleGraph[],
  main: string,
  { entry, projectDir }: LoadedConfig,
): Promise<Map<string, SourceFile>> {
  const paths = new Set(graphs.flatMap(({ modules: ids }) => ids.filter((id) => isAppModule(id, projectDir))))
  paths.delete(entry)
  paths.add(main)
  const modules = new Map<string, SourceFile>()
  for (const path of [...paths].sort()) modules.set(path, await readSourceFile(path))
  return modules
}

/**
 * Turns an error that refuses a wrangler file into findings; undefined if the error names no line of the
 * file.
 */
async function refusedSetting(
  error: unknown,
  options: CheckOptions,
  targets: readonly string[],
): Promise<CheckResult | undefined> {
  if (!isUnmoorError(error)) return undefined
  const findings: Finding[] = []
  let source: SourceText | undefined
  await reportSettings(error.message.split('\n'), 'error', options, (file, reports) => {
    source = file
    for (const report of reports)
      findings.push(
        toFinding(
          report,
          file,
          (path) => relative(options.projectDir, path).split(sep).join('/'),
          targets,
          undefined,
        ),
      )
  })
  return findings.length === 0
    ? undefined
    : { findings, files: 1, targets: [...targets], source: () => source }
}

/**
 * Reports messages about a wrangler file, such as `wrangler.jsonc:12, key: why`, at the lines that they name.
 */
async function reportSettings(
  messages: readonly string[],
  severity: Severity,
  options: CheckOptions,
  add: CheckContext['add'],
): Promise<void> {
  const named = resolve(
    options.projectDir,
    typeof options.worker === 'string' ? options.worker : (options.worker?.config ?? ''),
  )
  // The path `named` of the checked Worker may be a folder with a wrangler file. If there is no such file,
  // the messages have no line to be reported at.
  const path = (await stat(named)).isDirectory() ? findWranglerFile(named) : named
  if (path === undefined) return
  const file = new SourceText(path, await readFile(path, 'utf8'), [])
  for (const message of messages) {
    const match = /[\w.-]+\.(?:jsonc?|toml):(\d+), (.*)$/.exec(message)
    if (match === null) continue
    const line = Number(match[1])
    const at = file.text
      .split('\n')
      .slice(0, line - 1)
      .reduce((sum, text) => sum + text.length + 1, 0)
    add(file, [
      {
        rule: 'worker-config',
        at: at + (/^\s*/.exec(file.line(line))?.[0].length ?? 0),
        length: file.line(line).trim().length,
        severity,
        message: match[2] as string,
      },
    ])
  }
}

function isProject(value: unknown): value is Project {
  return typeof value === 'object' && value !== null && 'manifest' in value
}

/** True if the app's author wrote the module: it is in the project and not installed. */
function isAppModule(id: string, projectDir: string): boolean {
  return (
    id.startsWith(projectDir + sep) &&
    !id.includes(`${sep}node_modules${sep}`) &&
    !id.includes(`${sep}.unmoor${sep}`) &&
    !isOwnFile(id) &&
    /\.[cm]?[jt]sx?$/.test(id) &&
    existsSync(id)
  )
}

async function dialectsOf(
  adapter: Adapter,
  manifest: Project['manifest'] | undefined,
  loaded: LoadedConfig,
  reports: Report[],
): Promise<ReadonlySet<SqlDialect>> {
  const byDriver = (driver: string | undefined): SqlDialect[] =>
    driver === 'postgres'
      ? ['postgres']
      : driver === 'sqlite' || driver === 'cloudflare'
        ? ['sqlite']
        : ['sqlite', 'postgres']
  const fallback = byDriver(adapter.defaultDrivers.sql?.driver)
  if (manifest === undefined) return new Set(fallback)
  try {
    const drivers = Object.values(
      await resolveDrivers(manifest, adapter, loaded.config, loaded.projectDir),
    ).filter(({ kind }) => kind === 'sql')
    return new Set(drivers.length === 0 ? fallback : drivers.flatMap(({ spec }) => byDriver(spec.driver)))
  } catch (error) {
    if (!isUnmoorError(error)) throw error
    const isOfSockets = String(error.details?.['capability']).startsWith('sockets')
    const rule = isOfSockets ? 'sockets-capability' : 'app-driver'
    reports.push({ rule, at: 0, message: error.message, targets: [adapter.name] })
    return new Set(fallback)
  }
}

function toFinding(
  report: Report,
  file: SourceText,
  short: (path: string) => string,
  all: readonly string[],
  chain: readonly string[] | undefined,
): Finding {
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
