/** What a folder below `workers` says of itself in its `worker.ts`. */
import type { WorkerRequests, WorkerTarget } from '../worker/case.ts'

export interface Worker extends WorkerRequests {
  /** What kind of public repository it is like. */
  style: string
  /** The environment of its wrangler file. Default: the top level. */
  environment?: string
  /** The binding of Hyperdrive that leads to the database of `services: ['postgres']`. Default: none. */
  hyperdrive?: string
  /**
   * The build is refused on every target: all that it prints, `DIR` for the folder. Default: it is built.
   */
  refused?: string
  /** Targets that cannot have it, with text that the refusal contains. Default: none. */
  refusedOn?: Readonly<Partial<Record<WorkerTarget, string>>>
}

/** A Worker with its place. */
export interface NamedWorker extends Worker {
  name: string
  /** Absolute path of its folder. */
  source: string
}

/** Returns `worker`; an editor knows its type by it. */
export function defineWorker(worker: Worker): Worker {
  return worker
}
