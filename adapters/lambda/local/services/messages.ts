import type { Plan } from './plan.ts'

/** What the process of the local services is told. */
export interface StartMessage {
  plan: Plan
  /** The app's name. */
  app: string
  /** Absolute folder to keep data in; undefined keeps it in memory. */
  dataDir: string | undefined
  /** Seconds that a received message stays hidden. */
  visibilityTimeout: number
  /** The server that stands in for S3. */
  s3: 'fauxqs' | 'moto'
  /** A Postgres server to use: a URL, `probe` tries 127.0.0.1:5432 first, `embedded` does not. */
  postgres: string
}

/** What it answers. */
export type ProcessMessage =
  | {
      type: 'ready'
      variables: Record<string, string>
      queues: Record<string, string>
      servers: string[]
      pids: number[]
    }
  | { type: 'failed'; message: string; code: string }

/** How it is ended. */
export interface StopMessage {
  type: 'stop'
}
