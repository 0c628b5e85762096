/** A running server of the local AWS services. */
export interface Server {
  /** Name and version of the local server, such as `dynalite 4.0.0`. */
  readonly name: string
  readonly url: string
  /** Pids of processes that the local server started. */
  readonly pids?: readonly number[]
  stop(): Promise<void>
}
