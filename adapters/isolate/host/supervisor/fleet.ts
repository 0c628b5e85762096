import type { AppRecord } from '../app-record.ts'
import type { ResolvedConfig } from '../config.ts'
import type { LimitName } from '../limits.ts'
import type { ToSupervisor, ToWorker, WorkerSettings } from '../messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** State of a process's isolates, as the process last reported it. */
export interface ProcessState {
  live: number
  waiting: number
  /** Memory of the isolates in bytes, by app. */
  memory: Map<string, number>
}

export function emptyState(): ProcessState {
  return { live: 0, waiting: 0, memory: new Map() }
}

/**
 * Settings and apps that a process gets when it starts to serve. Its background duties are not part of them.
 */
export type Assignment = Omit<Extract<ToWorker, { type: 'serve' }>, 'type' | 'duties'>

/** The supervisor's functions that every process of a host uses. */
export interface Fleet {
  readonly config: ResolvedConfig
  readonly isStopping: boolean
  /** Settings that every child process of the host gets. */
  readonly settings: WorkerSettings
  /** Returns the version of an app that is to be served now. */
  app(name: string): AppRecord | undefined
  /**
   * Returns the end of this host's lease of the app's Durable Objects; undefined if the app needs no lease.
   */
  leaseUntil(app: string): number | undefined
  /** Starts a child process for one app, or a shared process without `app`. */
  spawn(app?: string): WorkerProcess
  receive(process: WorkerProcess, state: ProcessState, message: ToSupervisor): void
  /** Stops waiting for answers of a child process that has ended. */
  forget(process: WorkerProcess): void
  /** Counts a hit of an app's limit that only the supervisor can see. */
  hit(app: string, limit: LimitName): void
  print(line: string): void
}
