import type { Migration, MigrationRun } from '../../../core/bindings/migrations.ts'
import type { PostgresOptions } from '../../drivers/postgres/index.ts'
import type { SimulatorConfig, WorkerModule } from './simulator.ts'

/** What the simulator's host is told first. */
export interface SimulatorStart {
  type: 'start'
  modules: WorkerModule[]
  simulator: SimulatorConfig
  /** Where Miniflare keeps its state. */
  persist: string
  /** Undefined: only migrate. */
  listen: { host: string; port: number } | undefined
  /** Per sql binding: its name on the platform, and what to apply. */
  migrations: Record<string, { native: string; migrations: readonly Migration[] }>
  /** Per sql binding behind Hyperdrive: how it is reached from here, and what to apply. */
  postgres: Record<string, { options: PostgresOptions; app: string; migrations: readonly Migration[] }>
  /** Schedules to fire on time. */
  schedules: string[]
}

export type SimulatorRequest =
  | SimulatorStart
  | { type: 'cron'; id: number; cron: string; scheduledTime: number }
  | { type: 'stop' }

export type SimulatorAnswer =
  | { type: 'ready'; url: string; pids: number[]; runtime: string; migrated: Record<string, MigrationRun> }
  /** `error` is an UnmoorError as JSON where it was one. */
  | { type: 'failed'; message: string; error?: unknown }
  | { type: 'cron'; id: number; error?: string }
