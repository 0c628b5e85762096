import type { ExecutionContext } from '@cloudflare/workers-types'
import type { WorkerEnv } from './fixture/env.ts'

/** The groups of cases of the facade. */
export const WORKER_GROUPS = [
  'kv',
  'r2',
  'd1',
  'queue',
  'cache',
  'object',
  'handler',
  'build',
  'sockets',
] as const
/** The name of a group of cases of the facade. */
export type WorkerGroup = (typeof WORKER_GROUPS)[number]

/** What a case is given, within the fixture Worker. */
export interface WorkerTools {
  readonly env: WorkerEnv
  readonly ctx: ExecutionContext
  /** The request that asked for this case. */
  readonly request: Request
  /** What `cloudflare:workers` exports, and what its env had when the Worker's modules ran. */
  readonly workers: {
    env: Record<string, unknown>
    exports: Record<string, unknown>
    waitUntil(promise: Promise<unknown>): void
    atTop: unknown
  }
  /** What the main module imports as text and as data. */
  readonly modules: { text: unknown; data: unknown } | undefined
  /** A key that no other case and no other run has. */
  readonly key: (suffix?: string) => string
}

/**
 * One thing that holds of Cloudflare's runtime, as its documents say, and so of ours. The case is the same
 * everywhere: it runs inside the Worker.
 */
export interface WorkerCase {
  /** Group and number. Numbers are never reused. */
  readonly id: string
  readonly group: WorkerGroup
  readonly contract: string
  /** @internal */
  readonly run: (tools: WorkerTools) => Promise<void> | void
}

/** Cases of one group: the contract and the function, numbered by hand so that an id never moves. */
export function workerCases(
  group: WorkerGroup,
  cases: readonly (readonly [number: string, contract: string, run: WorkerCase['run']])[],
): WorkerCase[] {
  return cases.map(([number, contract, run]) => ({ id: `workers-${group}-${number}`, group, contract, run }))
}
