import type { Adapter, Log } from '../../adapter.ts'
import type { AnyConfig } from '../../config.ts'
import type { Case, Group } from './case.ts'
import { CASES } from './cases/all.ts'
import type { Expectations } from './expectations/expectations.ts'
import { expectationsFor } from './expectations/index.ts'
import { createReport, type CaseResult, type Report } from './report.ts'
import { PATIENCE, runCase } from './run-case.ts'
import { reachTarget, startTarget, type RunningTarget } from './target.ts'

/** Options of {@link runConformance}. */
export interface ConformanceOptions {
  /** Name of the target that the conformance suite tests. */
  target: string
  /** Adapter that the conformance suite tests, in place of the adapter of `target`. */
  adapter?: Adapter
  /**
   * Options of the tested target (`targets.NAME.options` of a config), such as Lambda's `event`. Default:
   * none.
   */
  targetOptions?: Readonly<Record<string, unknown>>
  /** URL of a deployment of the conformance app, which is tested instead of a local start. Needs `token`. */
  url?: string
  /** Token of the tested deployment: the value of its CONFORMANCE_TOKEN and UNMOOR_TEST_TOKEN. */
  token?: string
  /**
   * Origin of an upstream server (`startUpstream`) that the deployment can reach. Default: none, and cases
   * that need it are skipped. A local start has its own upstream.
   */
  upstream?: string
  /** Drivers in place of the target's own, by binding of the conformance app. */
  drivers?: AnyConfig['drivers']
  /** Environment variables that the drivers of a local start need. */
  variables?: Readonly<Record<string, string>>
  /** Groups of conformance cases to run. Default: all. */
  groups?: readonly Group[]
  /**
   * Selects conformance cases whose id contains this text or matches it as a pattern with `*`. Default: all.
   */
  filter?: string
  /**
   * Number of conformance cases that run at once. Default: 8; 5 where an environment of the target serves one
   * request at a time.
   */
  concurrency?: number
  /**
   * Conformance cases that are known to fail, with reasons. Default: those of `adapter`, else those of the
   * target in `expectations/`.
   */
  expectations?: Expectations
  /** Log of the conformance run's progress. Default: none. */
  log?: Log
  /** Called at the end of each conformance case. */
  onResult?: (result: CaseResult) => void
}

const SILENT: Log = { info() {}, warn() {} }

/** Seconds for which reads of a deployment's bindings may be stale. */
const DEPLOYED_PATIENCE = 90

/** Returns true if `filter` selects the case id: a part of the id, or a pattern with `*`. */
export function matches(id: string, filter?: string): boolean {
  if (filter === undefined) return true
  if (!filter.includes('*')) return id.includes(filter)
  const parts = filter.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(id)
}

/** Returns the conformance cases that `filter` selects. */
export function selectCases(filter?: string): readonly Case[] {
  return CASES.filter(({ id }) => matches(id, filter))
}

/**
 * Runs the suite against one target: builds the fixture app, starts it on the target's real runtime, and runs
 * every case once. A target that does not start, or crashes, fails the cases that are left; it never shortens
 * the list.
 *
 * @example
 * ```ts
 * import { runConformance } from 'unmoor/conformance'
 *
 * const report = await runConformance({ target: 'node', filter: 'kv-*', log: console })
 * ```
 */
export async function runConformance(options: ConformanceOptions): Promise<Report> {
  const cases = selectCases(options.filter).filter(({ group }) => options.groups?.includes(group) ?? true)
  const log = options.log ?? SILENT
  let target: RunningTarget
  try {
    target =
      options.url === undefined
        ? await startTarget({
            target: options.target,
            adapter: options.adapter,
            drivers: options.drivers,
            targetOptions: options.targetOptions,
            variables: options.variables,
            log,
          })
        : await reachTarget({
            target: options.target,
            adapter: options.adapter,
            url: options.url,
            token: options.token ?? '',
            upstream: options.upstream,
          })
  } catch (error) {
    const message = `the target did not start: ${error instanceof Error ? error.message : String(error)}`
    log.warn(message)
    return createReport(
      options.target,
      'none',
      cases.map((one) => ({ ...factsOf(one), outcome: 'failed', ms: 0, error: message })),
    )
  }
  try {
    const results = await runAll(cases, target, options)
    if (results.some(({ outcome }) => outcome === 'failed'))
      for (const line of target.output()) log.info(`  | ${line}`)
    return createReport(target.target, target.runtime, results)
  } finally {
    await target.stop()
  }
}

async function runAll(
  cases: readonly Case[],
  target: RunningTarget,
  options: ConformanceOptions,
): Promise<CaseResult[]> {
  const expectations =
    options.expectations ??
    options.adapter?.expectations ??
    expectationsFor(target.target, options.targetOptions)
  const concurrency = options.concurrency ?? (target.capabilities['http.keepWorkAfterAnswer'] ? 8 : 5)
  const results = new Map<string, CaseResult>()
  let ended: string | undefined
  const crash = target.exited?.then(
    (code) => (ended = `the runtime ended by itself${code === null ? '' : ` with exit code ${code}`}`),
  )
  // Conformance cases with the longest timeout begin first, so that none of them ends the run late.
  const waiting = cases.toSorted((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0))
  const busy = new Set<string>()
  const worker = async (): Promise<void> => {
    for (;;) {
      const index = waiting.findIndex(({ exclusive }) => exclusive === undefined || !busy.has(exclusive))
      const one = waiting.splice(index < 0 ? waiting.length : index, 1)[0]
      if (one === undefined) {
        if (waiting.length === 0) return
        // All remaining cases are exclusive and wait for a running case with the same `exclusive` name.
        await new Promise((resolve) => setTimeout(resolve, 50))
        continue
      }
      const lacking = lackOf(one, target)
      if (lacking !== undefined) {
        const result: CaseResult = { ...factsOf(one), ms: 0, outcome: 'skipped', reason: lacking }
        results.set(one.id, result)
        options.onResult?.(result)
        continue
      }
      if (one.exclusive !== undefined) busy.add(one.exclusive)
      const twin = one.needs !== undefined && !target.capabilities[one.needs]
      const started = performance.now()
      const work =
        ended === undefined
          ? runCase(one, target, { twin, patience: options.url === undefined ? PATIENCE : DEPLOYED_PATIENCE })
          : ended
      const error = await (crash === undefined ? work : Promise.race([work, crash]))
      if (one.exclusive !== undefined) busy.delete(one.exclusive)
      const result = judge(one, twin, error, expectations[one.id], Math.round(performance.now() - started))
      results.set(one.id, result)
      options.onResult?.(result)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return cases.map(({ id }) => results.get(id) as CaseResult)
}

/**
 * Returns why a conformance case cannot run on this start of the target, apart from capabilities; undefined
 * if it can.
 */
function lackOf(one: Case, target: RunningTarget): string | undefined {
  if (one.upstream === true && target.upstream === undefined) return 'without an upstream'
  if (one.startsOwn === true && target.startOwn === undefined) return 'without a start of its own'
  return undefined
}

function factsOf({ id, group, contract }: Case): Pick<CaseResult, 'id' | 'group' | 'contract'> {
  return { id, group, contract }
}

function judge(
  one: Case,
  twin: boolean,
  error: string | undefined,
  reason: string | undefined,
  ms: number,
): CaseResult {
  const facts = { ...factsOf(one), ms }
  if (reason !== undefined) {
    if (error !== undefined) return { ...facts, outcome: 'expectedFailure', error, reason }
    return {
      ...facts,
      outcome: 'failed',
      error: `it passes, but is expected to fail: ${reason}. Take it out of the target's expectations.`,
    }
  }
  if (error !== undefined)
    return { ...facts, outcome: 'failed', error: twin ? `its negative twin: ${error}` : error }
  return twin
    ? { ...facts, outcome: 'skipped', reason: `without ${one.needs}` }
    : { ...facts, outcome: 'passed' }
}
