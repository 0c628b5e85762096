import { relative, sep } from 'node:path'
import type { Adapter, DriverSpec } from '../../adapter.ts'
import { loadAdapter } from '../build/adapters.ts'
import { chooseEnvironment, overrideDrivers } from '../build/environments.ts'
import { resolveDrivers, type ResolvedDriver } from '../build/drivers.ts'
import { loadProject, type Project, type WorkerChoice } from '../build/project.ts'
import { withWorkerDrivers } from '../build/worker/worker.ts'
import { knownBindings } from '../check/app-modules.ts'
import { Modules } from '../check/modules.ts'
import { checkApp } from '../check/check.ts'
import { readModuleGraph } from '../check/module-graph.ts'
import { readSourceFile, type SourceFile } from '../check/source-file.ts'
import type { Capability } from '../../capabilities.ts'
import { CAPABILITIES } from '../../capabilities.ts'
import type { AnyConfig } from '../../config.ts'
import { LOAD, monthlyCost, type CostLine, type Load } from './cost.ts'
import type { Prices, PriceSource } from './prices.ts'
import { CAPABILITY_FACTS, DRIVER_FACTS, SAME, type Proof } from './facts.ts'
import { PLATFORM_LIMITS, type PlatformLimits } from './platforms.ts'
import { findUses, type Uses } from './uses.ts'

/** One side of a comparison of `unmoor compare`: a target with its drivers. */
export interface Side {
  /** Label of a compared side for people: `node`, or `node with redis for links`. */
  label: string
  target: string
  adapter: Adapter
  drivers: Readonly<Record<string, ResolvedDriver>>
  config: AnyConfig
}

/** One behaviour of the app that changes between the two compared targets. */
export interface Change {
  /**
   * Id of a changed behaviour, such as `capability:request.abort`, `driver:kv:stale reads`,
   * `expectation:handlers-62` or `check:sql-insert-or`.
   */
  id: string
  /** The changed behaviour of the app in one sentence. */
  what: string
  /** Advice on what to do about the changed behaviour. */
  todo: string
  /** Places where the app uses the changed behaviour. */
  uses: readonly { file: string; line: number }[]
  proof: Proof
  /**
   * How the app's behaviour changes between the compared targets. `lost`: it goes away. `gained`: it is new.
   * `different`: neither.
   */
  kind: 'lost' | 'gained' | 'different'
}

/** The exit report of `unmoor compare`: what changes for an app between two targets. */
export interface Comparison {
  app: string
  from: string
  to: string
  changes: Change[]
  /** Capabilities that differ between the compared targets and that the app does not use. */
  unused: Capability[]
  same: { text: string; proof: Proof }[]
  limits: { from: PlatformLimits | undefined; to: PlatformLimits | undefined }
  cost: {
    load: Load
    read: string
    currency: string
    sources: readonly PriceSource[]
    from: CostLine[] | undefined
    to: CostLine[] | undefined
  }
}

/** Returns the known failures of the conformance suite on a target: reasons by case id. */
export type ExpectationsOf = (target: string) => Readonly<Record<string, string>>

/** Options of {@link compareApp}. */
export interface CompareOptions {
  projectDir: string
  /** An existing Worker to compare in place of an app. Default: the Worker that the config names. */
  worker?: WorkerChoice | undefined
  /** Environment of the config, or of the Worker's wrangler file. Default: none. */
  environment?: string | undefined
  /** Side that the app leaves: a target, optionally with its own drivers or config. */
  from: SideOptions
  to: SideOptions
  expectations: ExpectationsOf
  prices: Prices
  load?: Partial<Load> | undefined
}

export interface SideOptions {
  target: string
  /** Config of one compared side, in place of the project's config. */
  config?: AnyConfig | undefined
  configLabel?: string | undefined
  drivers?: Readonly<Record<string, string | DriverSpec>> | undefined
}

/**
 * Compares an app on two targets, or on two sets of drivers.
 *
 * @throws as {@link loadProject} does for an invalid app or config.
 */
export async function compareApp(options: CompareOptions): Promise<Comparison> {
  const { worker, environment } = options
  const project = await loadProject(options.projectDir, { worker, environment })
  const [from, to] = [await openSide(options.from, project), await openSide(options.to, project)]
  const modules = await ownModules(project, to.adapter)
  const bindings = knownBindings({ manifest: project.manifest, modules })
  const uses = findUses(await Modules.read(modules), bindings)
  const sides: Sides = { from, to, uses, projectDir: project.projectDir }
  const { changes, unused } = compareCapabilities(sides)
  changes.push(
    ...compareDrivers(sides),
    ...compareExpectations(sides, options.expectations),
    ...(await compareChecks(options, from, to)),
  )
  const kinds = new Set(Object.values(project.manifest.bindings).map(({ kind }) => kind))
  const load = loadOf(options.load, kinds)
  return {
    app: project.name,
    from: from.label,
    to: to.label,
    changes,
    unused,
    same: SAME.filter(({ kind, text }) =>
      kind === undefined
        ? !text.startsWith('crons') || Object.keys(project.manifest.crons).length > 0
        : kinds.has(kind),
    ).map(({ text, proof }) => ({ text, proof })),
    limits: { from: PLATFORM_LIMITS[from.target], to: PLATFORM_LIMITS[to.target] },
    cost: {
      load,
      read: options.prices.read,
      currency: options.prices.currency,
      sources: options.prices.sources.filter(({ of }) =>
        [from.target, to.target].some((target) => of.includes(target)),
      ),
      from: monthlyCost(from.target, load, options.prices),
      to: monthlyCost(to.target, load, options.prices),
    },
  }
}

async function openSide(options: SideOptions, project: Project): Promise<Side> {
  const { worker } = project
  // A config for one side of the comparison still lacks the Worker's drivers or, for an app, the chosen
  // environment.
  const config =
    options.config === undefined
      ? project.config
      : worker === undefined
        ? chooseEnvironment(options.config, project.environment, options.configLabel ?? 'config')
        : withWorkerDrivers(options.config, worker)
  const adapter = await loadAdapter(options.target, project.projectDir, config)
  const merged = overrideDrivers(config, adapter.name, options.drivers)
  const drivers = await resolveDrivers(project.manifest, adapter, merged, project.projectDir)
  const named = Object.entries(options.drivers ?? {}).map(
    ([binding, spec]) => `${typeof spec === 'string' ? spec : spec.driver} for ${binding}`,
  )
  const by = options.configLabel === undefined ? '' : ` by ${options.configLabel}`
  const label = `${adapter.name}${by}${named.length === 0 ? '' : ` with ${named.join(', ')}`}`
  return { label, target: adapter.name, adapter, drivers, config: merged }
}

async function ownModules(project: Project, adapter: Adapter): Promise<Map<string, SourceFile>> {
  const graph = await readModuleGraph(adapter, project, { info() {}, warn() {} })
  const modules = new Map<string, SourceFile>()
  for (const path of graph.modules)
    if (
      path.startsWith(project.projectDir + sep) &&
      !path.includes(`${sep}node_modules${sep}`) &&
      /\.[cm]?[jt]sx?$/.test(path)
    )
      modules.set(path, await readSourceFile(path))
  return modules
}

/** Both sides of a comparison of `unmoor compare`, and the places where the app uses features. */
interface Sides {
  from: Side
  to: Side
  uses: Uses
  projectDir: string
}

/** Returns the places where the app uses any of the features `names`. */
function places({ uses, projectDir }: Sides, names: readonly string[]): Change['uses'] {
  const all = names.flatMap((name) => uses.get(name) ?? [])
  return all.map(({ file, line }) => ({ file: relative(projectDir, file).split(sep).join('/'), line }))
}

function compareCapabilities(sides: Sides): { changes: Change[]; unused: Capability[] } {
  const { from, to, uses } = sides
  const changes: Change[] = []
  const unused: Capability[] = []
  for (const capability of Object.keys(CAPABILITIES) as Capability[]) {
    const [before, after] = [from.adapter.capabilities[capability], to.adapter.capabilities[capability]]
    if (before === after) continue
    const fact = CAPABILITY_FACTS[capability]
    if (!fact.uses.some((use) => uses.has(use))) {
      unused.push(capability)
      continue
    }
    changes.push({
      id: `capability:${capability}`,
      kind: after ? 'gained' : 'lost',
      what: after ? fact.gained : CAPABILITIES[capability],
      todo: after ? 'Nothing must be done.' : fact.lost,
      uses: places(sides, fact.uses),
      proof: { cases: fact.cases, adapter: `${to.target}.capabilities.${capability}` },
    })
  }
  return { changes, unused }
}

function compareDrivers(sides: Sides): Change[] {
  const { from, to, uses } = sides
  const changes: Change[] = []
  for (const [binding, { kind, spec }] of Object.entries(to.drivers)) {
    const before = from.drivers[binding]?.spec.driver
    if (before === undefined || before === spec.driver) continue
    const factsOf = (driver: string): typeof DRIVER_FACTS =>
      DRIVER_FACTS.filter(
        (fact) =>
          fact.kind === kind && fact.driver === driver && (fact.use === undefined || uses.has(fact.use)),
      )
    const [old, own] = [factsOf(before), factsOf(spec.driver)]
    const at = places(sides, [`binding ${binding}`])
    for (const fact of own) {
      if (old.some(({ trait }) => trait === fact.trait)) continue
      changes.push({
        id: `driver:${binding}:${fact.trait}`,
        kind: 'different',
        what: `${binding} (${kind}) moves from ${before} to ${spec.driver}. ${fact.text}`,
        todo: fact.todo,
        uses: at,
        proof: fact.proof,
      })
    }
    for (const fact of old) {
      if (fact.ends !== true || own.some(({ trait }) => trait === fact.trait)) continue
      changes.push({
        id: `driver:${binding}:no ${fact.trait}`,
        kind: 'gained',
        what:
          `${binding} (${kind}) moves from ${before} to ${spec.driver}. What held there no longer ` +
          `does: ${fact.text}`,
        todo: 'Nothing must be done.',
        uses: at,
        proof: fact.proof,
      })
    }
  }
  return changes
}

/** Names of the features (`uses.ts`) that groups of conformance cases are about, by group. */
const GROUP_USES: Readonly<Record<string, string>> = { handlers: 'fetch handler', waitUntil: 'waitUntil' }

function compareExpectations(sides: Sides, expectations: ExpectationsOf): Change[] {
  const { from, to } = sides
  const changes: Change[] = []
  const [before, after] = [expectations(from.target), expectations(to.target)]
  for (const [id, reason] of Object.entries(after)) {
    if (id in before) continue
    changes.push({
      id: `expectation:${id}`,
      kind: 'different',
      what: `${reason}.`,
      todo: 'See whether the app or its clients rely on it.',
      uses: places(sides, [GROUP_USES[id.split('-')[0] as string] ?? '']),
      proof: { cases: [id] },
    })
  }
  for (const [id, reason] of Object.entries(before)) {
    if (id in after) continue
    changes.push({
      id: `expectation:${id}`,
      kind: 'gained',
      what: `What was so no longer is: ${reason}.`,
      todo: 'Nothing must be done.',
      uses: places(sides, [GROUP_USES[id.split('-')[0] as string] ?? '']),
      proof: { cases: [id] },
    })
  }
  return changes
}

/** Returns the findings of `unmoor check` for the new target that the old target does not have. */
async function compareChecks(options: CompareOptions, from: Side, to: Side): Promise<Change[]> {
  const changes: Change[] = []
  const run = (side: Side): ReturnType<typeof checkApp> =>
    checkApp({
      projectDir: options.projectDir,
      worker: options.worker,
      environment: options.environment,
      targets: [side.target],
      config: side.config,
    })
  const [before, after] = [await run(from), await run(to)]
  const key = ({ rule, file, line }: { rule: string; file: string; line: number }): string =>
    `${rule} ${file}:${line}`
  const known = new Set(before.findings.map(key))
  for (const finding of after.findings) {
    if (known.has(key(finding))) continue
    const same = changes.find(({ id, what }) => id === `check:${finding.rule}` && what === finding.message)
    const use = { file: finding.file, line: finding.line }
    if (same !== undefined) same.uses = [...same.uses, use]
    // Findings of the rules `sql-transaction` and `sql-each` are skipped: the comparison already reports the
    // missing capability.
    else if (finding.rule !== 'sql-transaction' && finding.rule !== 'sql-each')
      changes.push({
        id: `check:${finding.rule}`,
        kind: finding.severity === 'error' ? 'lost' : 'different',
        what: finding.message,
        todo: finding.instead,
        uses: [use],
        proof: { adapter: `${to.target}: rule ${finding.rule}` },
      })
  }
  return changes
}

function loadOf(given: Partial<Load> | undefined, kinds: ReadonlySet<string>): Load {
  const load: Load = { ...LOAD }
  if (!kinds.has('kv')) load.kvReads = load.kvWrites = load.kvGb = 0
  if (!kinds.has('blob')) load.blobReads = load.blobWrites = load.blobGb = 0
  if (!kinds.has('sql')) load.sqlReads = load.sqlWrites = load.sqlGb = 0
  if (!kinds.has('queue')) load.queueMessages = 0
  return { ...load, ...given }
}
