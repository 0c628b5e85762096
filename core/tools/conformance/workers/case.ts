import type { ExecutionContext } from '@cloudflare/workers-types'
import type { WorkerEnv } from './fixture/env.ts'

/** Groups of the conformance cases of the Workers facade. */
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
/** The name of a group of conformance cases of the Workers facade. */
export type WorkerGroup = (typeof WORKER_GROUPS)[number]

/** Tools for a conformance case within the fixture Worker. */
export interface WorkerTools {
  readonly env: WorkerEnv
  readonly ctx: ExecutionContext
  /** The HTTP request to the fixture Worker that started this case. */
  readonly request: Request
  /** Exports of `cloudflare:workers`, and the content of its env while the Worker's modules ran. */
  readonly workers: {
    env: Record<string, unknown>
    exports: Record<string, unknown>
    waitUntil(promise: Promise<unknown>): void
    atTop: unknown
  }
  /** Text and data modules that the main module of the fixture Worker imports. */
  readonly modules: { text: unknown; data: unknown } | undefined
  /** Returns a test key that no other case and no other run uses. */
  readonly key: (suffix?: string) => string
}

/**
 * A contract of Cloudflare's runtime, as its documentation states it, that unmoor's facade fulfils too. A
 * case runs inside the Worker and is the same on every target.
 */
export interface WorkerCase {
  /** Id of a Workers case from group and number. Numbers are never reused. */
  readonly id: string
  readonly group: WorkerGroup
  readonly contract: string
  /** @internal */
  readonly run: (tools: WorkerTools) => Promise<void> | void
}

/**
 * Creates the Workers cases of one group from number, contract and function. Numbers are written by hand, so
 * that an id never changes.
 */
export function workerCases(
  group: WorkerGroup,
  cases: readonly (readonly [number: string, contract: string, run: WorkerCase['run']])[],
): WorkerCase[] {
  return cases.map(([number, contract, run]) => ({ id: `workers-${group}-${number}`, group, contract, run }))
}
