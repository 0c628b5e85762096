/** A running local server. */
export interface Server {
  /** Name and version of the server. */
  readonly name: string
  readonly url: string
  /** Pids of processes that the server started. */
  readonly pids?: readonly number[]
  stop(): Promise<void>
}
