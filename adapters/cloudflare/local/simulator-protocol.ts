import type { Migration, MigrationRun, RecordedMigrations } from '../../../core/bindings/migrations.ts'
import type { PostgresOptions } from '../../drivers/postgres/index.ts'
import type { SimulatorConfig, WorkerModule } from './simulator.ts'

/** First message to the process that simulates Cloudflare: what to run. */
export interface SimulatorStart {
  type: 'start'
  modules: WorkerModule[]
  simulator: SimulatorConfig
  /** Folder in which Miniflare keeps its local state. */
  persist: string
  /** Address on which Cloudflare's simulator listens; if undefined, it only applies database migrations. */
  listen: { host: string; port: number } | undefined
  /** Databases by D1 binding: the database's name on the platform, and the migrations to apply. */
  migrations: Record<string, { native: string; migrations: readonly Migration[] }>
  /**
   * Databases by sql binding behind Hyperdrive: how Postgres is reached from this machine, and the migrations
   * to apply.
   */
  postgres: Record<string, { options: PostgresOptions; app: string; migrations: readonly Migration[] }>
  /** If true, the recorded migrations of the D1 databases are read, and no migration is applied. */
  onlyReads: boolean
  /** Cron schedules that the simulator fires on time. */
  schedules: string[]
}

export type SimulatorRequest =
  | SimulatorStart
  | { type: 'cron'; id: number; cron: string; scheduledTime: number }
  | { type: 'stop' }

export type SimulatorAnswer =
  | {
      type: 'ready'
      url: string
      pids: number[]
      runtime: string
      migrated: Record<string, MigrationRun>
      /** Recorded migrations by D1 binding, of a start that only reads them. */
      recorded: Record<string, RecordedMigrations>
    }
  /** The simulator failed to start. `error` is the UnmoorError as JSON, if it was one. */
  | { type: 'failed'; message: string; error?: unknown }
  | { type: 'cron'; id: number; error?: string }
