import type { AppRecord } from '../app-record.ts'
import type { ResolvedConfig } from '../config.ts'
import type { LimitName } from '../limits.ts'
import type { ToSupervisor, ToWorker, WorkerSettings } from '../messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** What a process last reported about itself. */
export interface ProcessState {
  live: number
  waiting: number
  /** Bytes by app. */
  memory: Map<string, number>
}

export function emptyState(): ProcessState {
  return { live: 0, waiting: 0, memory: new Map() }
}

/** What a process that starts to serve is told, besides its duties. */
export type Assignment = Omit<Extract<ToWorker, { type: 'serve' }>, 'type' | 'duties'>

/** What every process of a host needs of the supervisor. */
export interface Fleet {
  readonly config: ResolvedConfig
  readonly isStopping: boolean
  /** The settings that every process gets. */
  readonly settings: WorkerSettings
  /** The version of an app that is to be served now. */
  app(name: string): AppRecord | undefined
  /** When this host's lease of the app's objects ends; undefined where it needs none. */
  leaseUntil(app: string): number | undefined
  /** Starts a process for the app, or one that apps share. */
  spawn(app?: string): WorkerProcess
  receive(process: WorkerProcess, state: ProcessState, message: ToSupervisor): void
  /** The process has ended: nobody waits for its answers any more. */
  forget(process: WorkerProcess): void
  /** An app has run into a limit that only the supervisor sees. */
  hit(app: string, limit: LimitName): void
  print(line: string): void
}
