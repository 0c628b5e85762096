/** A fixture Worker that runs. */
export interface RunningWorker {
  readonly url: string
  /** What the runtime says of itself. */
  readonly runtime: string
  /** The last lines that it printed. */
  output(): readonly string[]
  /** Fires the cron with that expression. */
  runCron(cron: string, scheduledTime: number): Promise<void>
  stop(): Promise<void>
}
