import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plan } from './plan-data.ts'

/** Where the drivers of a run find their backend. */
export interface BackendOptions {
  /** The app's name, of which each run has its own. */
  readonly app: string
  readonly dataDir: string
  readonly options: Readonly<Record<string, unknown>>
  /** Options for one kind of factory, beside `options`. */
  readonly optionsOf?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** What all processes of a run share, as a file. */
export interface RunTask {
  readonly plan: Plan
  /** Folder of the built package, or of a copy with a planted bug. */
  readonly dist: string
  /** Folder of the run's files. */
  readonly folder: string
  readonly backend: BackendOptions
}

/** The task of one process. */
export interface WorkerTask extends RunTask {
  readonly index: number
  /** 0 for the first process of this index, and one more for each after it. */
  readonly incarnation: number
}

/** What a process says to the run. */
export type ToParent =
  | { readonly is: 'started' | 'step' | 'done' }
  | { readonly is: 'finished'; readonly problem?: string }

/** What the run says to a process. */
export type ToWorker = 'finish' | 'stop' | { readonly phase: number }

/** Path of the file that the processes of an index write to, one after the other. */
export function logOf({ folder }: Pick<RunTask, 'folder'>, index: number): string {
  return join(folder, `p${index}.jsonl`)
}

/** Reads the task of a process from its argument: the run's file, index and incarnation. */
export function readTask(argument: string): WorkerTask {
  const { file, index, incarnation } = JSON.parse(argument) as Record<'file' | 'index' | 'incarnation', never>
  return { ...(JSON.parse(readFileSync(file, 'utf8')) as RunTask), index, incarnation }
}
