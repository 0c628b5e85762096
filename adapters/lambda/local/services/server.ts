/** A local server that was started. */
export interface Server {
  /** Name and version. */
  readonly name: string
  readonly url: string
  /** Pids of processes beside the one that started it. */
  readonly pids?: readonly number[]
  stop(): Promise<void>
}
