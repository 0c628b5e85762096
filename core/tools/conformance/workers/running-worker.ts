/** A running fixture Worker of the conformance cases. */
export interface RunningWorker {
  readonly url: string
  /** Name and version of the Worker's runtime, as it reports them itself. */
  readonly runtime: string
  /** Returns the last lines that the Worker's runtime printed. */
  output(): readonly string[]
  /** Fires the Worker's cron with this expression. */
  runCron(cron: string, scheduledTime: number): Promise<void>
  stop(): Promise<void>
}
