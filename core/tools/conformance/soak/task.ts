/** Task of one process of the queue soak, passed as JSON in its first argument. */
export interface Task {
  role: 'produce' | 'consume'
  /** Name or module of the queue driver, as {@link loadDriver} takes it. */
  driver: string
  options: Readonly<Record<string, unknown>>
  variables: Readonly<Record<string, string>>
  dataDir: string
  /**
   * Journal file that a soak process appends to, one number a line. The producer writes how many messages
   * were acknowledged so far; a consumer writes the number of each message that it handled.
   */
  journal: string
  /** Total number of messages that the soak's producer sends. */
  messages: number
}

/**
 * The queue of the queue soak. Its retries must not run out: the same message may be held by many consumers
 * that are killed.
 */
export const QUEUE = {
  binding: 'soak',
  app: 'unmoor-soak',
  options: { maxRetries: 100, batchSize: 20 },
} as const

/**
 * Seconds that a batch of messages is leased; messages of a killed consumer are delivered again after that.
 */
export const LEASE_SECONDS = 4
