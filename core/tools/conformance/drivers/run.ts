/**
 * Runs all conformance cases of a driver: its own cases in this process, and the app's cases of its kinds in
 * the fixture app. Runs on Node.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverSpec, Log } from '../../../adapter.ts'
import {
  type AnyDeclaration,
  blob,
  cache,
  driverKind,
  kv,
  queue,
  sql,
} from '../../../bindings/declarations.ts'
import type { DriverOf } from '../../../bindings/drivers.ts'
import { show } from '../assert.ts'
import type { Backend } from '../backends/backend.ts'
import { MissingBackend } from '../backends/backend.ts'
import { startBackend } from '../backends/index.ts'
import type { Group } from '../case.ts'
import { bindings } from '../fixture/bindings.ts'
import type { CaseResult } from '../report.ts'
import { matches, runConformance, selectCases } from '../runner.ts'
import { driverCases } from './cases.ts'
import type { DriverCase, DriverKind } from './driver-case.ts'
import { DRIVER_EXPECTATIONS } from './expectations.ts'
import { driverContext, type Harness } from './harness.ts'
import { type DriverModule, loadDriver } from './modules.ts'
import { createDriverReport, type DriverReport } from './report.ts'

/** Options of {@link runDriverConformance}. */
export interface DriverConformanceOptions {
  /**
   * Driver under test: a built-in driver's name, the path of a driver's module from the working folder, or an
   * installed package.
   */
  driver: string
  /**
   * Options of the driver under test, for every binding. Default: for built-in drivers, the address of the
   * server that the run starts; none for others.
   */
  options?: Readonly<Record<string, unknown>>
  /**
   * Selects conformance cases whose id contains this text or matches it as a pattern with `*`. Default: all.
   */
  filter?: string
  /**
   * Conformance cases that are known to fail, with reasons. Default: the known failures of built-in drivers.
   */
  expectations?: Readonly<Record<string, string>>
  /** Log of the conformance run's progress. Default: none. */
  log?: Log
  /** Called at the end of each conformance case. */
  onResult?: (result: CaseResult) => void
}

const GROUP_OF: Readonly<Partial<Record<DriverKind, Group>>> = {
  kv: 'kv',
  strongKv: 'kv',
  blob: 'blob',
  sql: 'sql',
  queue: 'queue',
  cache: 'cache',
  secret: 'secrets',
  service: 'service',
  assets: 'assets',
}
const DECLARATIONS: Readonly<Partial<Record<DriverKind, AnyDeclaration>>> = {
  kv: kv(),
  strongKv: kv({ consistency: 'strong' }),
  blob: blob(),
  sql: sql(),
  queue: queue(),
  cache: cache(),
}
const SILENT: Log = { info() {}, warn() {} }

/**
 * Runs every case of a driver's kinds on its real backend. If the backend is missing, all cases are skipped
 * with the reason.
 *
 * @example
 * ```ts
 * import { runDriverConformance } from 'unmoor/conformance'
 *
 * const report = await runDriverConformance({ driver: './drivers/my-kv.ts', options: { url: 'my://host' } })
 * ```
 */
export async function runDriverConformance(options: DriverConformanceOptions): Promise<DriverReport> {
  const log = options.log ?? SILENT
  const driver = await loadDriver(options.driver)
  const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-driver-'))
  let backend: Backend
  try {
    backend = await startBackend(driver.builtIn ? driver.name : '', log, options.options)
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true })
    if (!(error instanceof MissingBackend)) throw error
    const reason = `${driver.name} is skipped: ${error.message}`
    log.warn(reason)
    return createDriverReport(driver.name, 'none', skipAll(driver, options, reason))
  }
  try {
    const inApp = await runInApp(driver, backend, options, log)
    const direct = await runDirectly(driver, backend, dataDir, options)
    return createDriverReport(driver.name, backend.name, [...inApp, ...direct])
  } finally {
    await backend.stop()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

/**
 * Runs the app's conformance cases with a driver: the fixture app on Node, with the driver for every binding
 * of its kinds.
 */
async function runInApp(
  driver: DriverModule,
  backend: Backend,
  options: DriverConformanceOptions,
  log: Log,
): Promise<CaseResult[]> {
  const spec: DriverSpec = { ...backend.options, driver: driver.specifier }
  const served = Object.entries(bindings).filter(([, declaration]) =>
    driver.kinds.includes(driverKind(declaration) as DriverKind),
  )
  const report = await runConformance({
    target: 'node',
    drivers: Object.fromEntries(served.map(([name]) => [name, spec])),
    variables: backend.variables,
    groups: groupsOf(driver),
    expectations: expectationsOf(driver, options),
    log,
    ...(options.filter === undefined ? {} : { filter: options.filter }),
    ...(options.onResult === undefined ? {} : { onResult: options.onResult }),
  })
  // Cases about strong kv run on the target's own driver if the tested driver has no strongKv, so their
  // results are dropped.
  return driver.kinds.includes('strongKv')
    ? report.cases
    : report.cases.filter(({ id }) => !/^kv-25[a-z]/.test(id))
}

function groupsOf(driver: DriverModule): Group[] {
  return [...new Set(driver.kinds.flatMap((kind) => GROUP_OF[kind] ?? []))]
}

function expectationsOf(
  driver: DriverModule,
  options: DriverConformanceOptions,
): Readonly<Record<string, string>> {
  return options.expectations ?? (driver.builtIn ? DRIVER_EXPECTATIONS[driver.name] : undefined) ?? {}
}

/**
 * Runs the driver's own conformance cases: kinds concurrently, and the cases of a kind one after the other.
 */
async function runDirectly(
  driver: DriverModule,
  backend: Backend,
  dataDir: string,
  options: DriverConformanceOptions,
): Promise<CaseResult[]> {
  const expectations = expectationsOf(driver, options)
  const results = await Promise.all(
    driver.kinds.map(async (kind) => {
      const done: CaseResult[] = []
      for (const one of driverCases(kind, () => createHarness(driver, kind, backend, dataDir))) {
        if (!matches(one.id, options.filter)) continue
        const result = await runOne(one, GROUP_OF[kind] as Group, expectations[one.id])
        done.push(result)
        options.onResult?.(result)
      }
      return done
    }),
  )
  return results.flat()
}

async function runOne(one: DriverCase, group: Group, expected: string | undefined): Promise<CaseResult> {
  const started = performance.now()
  const { id, contract, skipped, seconds = 30 } = one
  if (skipped !== undefined) return { id, group, contract, outcome: 'skipped', ms: 0, reason: skipped }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${seconds} s`)), seconds * 1000)
  })
  let lacking: string | undefined
  const error = await Promise.race([one.run(), late]).then(
    (reason) => void (lacking = reason),
    (thrown: unknown) => show(thrown),
  )
  clearTimeout(timer)
  const facts = { id, group, contract, ms: Math.round(performance.now() - started) }
  if (lacking !== undefined) return { ...facts, outcome: 'skipped', reason: lacking }
  if (expected === undefined)
    return error === undefined ? { ...facts, outcome: 'passed' } : { ...facts, outcome: 'failed', error }
  if (error !== undefined) return { ...facts, outcome: 'expectedFailure', error, reason: expected }
  return {
    ...facts,
    outcome: 'failed',
    error: `it passes, but is expected to fail: ${expected}. Take it out of the expectations.`,
  }
}

/**
 * Creates a driver's harness whose data no other case has, by a unique app name and, for data that the driver
 * does not separate by app, by options of the backend (`space`).
 */
async function createHarness<Kind extends DriverKind>(
  driver: DriverModule,
  kind: Kind,
  backend: Backend,
  dataDir: string,
): Promise<Harness<DriverOf[Kind]>> {
  const factory = driver.factories[kind]
  if (factory === undefined) throw new Error(`${driver.name} serves no ${kind}`)
  const id = randomUUID().slice(0, 8)
  const space = await backend.space?.(kind)
  const opened: { close?(): Promise<void> | void }[] = []
  return {
    async open(given = {}) {
      const context = driverContext(
        {
          ...given,
          app: `${given.app ?? 'test'}-${id}`,
          declaration: given.declaration ?? (DECLARATIONS[kind] as AnyDeclaration),
        },
        { dataDir, variable: (name) => backend.variables[name] ?? process.env[name] },
      )
      const made = await factory(
        { ...backend.options, ...space, ...(await backend.optionsOf?.(context)) },
        context,
      )
      opened.push(made)
      return made
    },
    async dispose() {
      for (const one of opened) await one.close?.()
    },
  }
}

function skipAll(driver: DriverModule, options: DriverConformanceOptions, reason: string): CaseResult[] {
  const groups = groupsOf(driver)
  const inApp = selectCases(options.filter).filter(({ group }) => groups.includes(group))
  const never = (): Promise<never> => Promise.reject(new Error(reason))
  const direct = driver.kinds.flatMap((kind) =>
    driverCases(kind, never)
      .filter(({ id }) => matches(id, options.filter))
      .map(({ id, contract }) => ({ id, contract, group: GROUP_OF[kind] as Group })),
  )
  return [...inApp, ...direct].map(({ id, group, contract }) => ({
    id,
    group,
    contract,
    outcome: 'skipped',
    ms: 0,
    reason,
  }))
}
