/** A running fixture Worker. */
export interface RunningWorker {
  readonly url: string
  /** Name and version of the runtime, as it reports them itself. */
  readonly runtime: string
  /** Returns the last lines that the runtime printed. */
  output(): readonly string[]
  /** Fires the cron with this expression. */
  runCron(cron: string, scheduledTime: number): Promise<void>
  stop(): Promise<void>
}
