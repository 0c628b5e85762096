import type { Plan } from './plan.ts'

/** Message that starts the process of the local services. */
export interface StartMessage {
  plan: Plan
  /** Name of the app that the local services serve. */
  app: string
  /** Absolute folder in which local services keep data; undefined keeps data in memory. */
  dataDir: string | undefined
  /** Seconds for which a received SQS message stays hidden. */
  visibilityTimeout: number
  /** The local server that implements S3's protocol. */
  s3: 'fauxqs' | 'moto'
  /** The Postgres server to use: a URL; `probe` tries 127.0.0.1:5432 first, `embedded` does not. */
  postgres: string
}

/** Answer of the process of the local services. */
export type ProcessMessage =
  | {
      type: 'ready'
      variables: Record<string, string>
      queues: Record<string, string>
      servers: string[]
      pids: number[]
    }
  | { type: 'failed'; message: string; code: string }

/** Message that ends the process of the local services. */
export interface StopMessage {
  type: 'stop'
}
