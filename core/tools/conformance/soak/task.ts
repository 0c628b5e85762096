/** Task of one soak process, passed as JSON in its first argument. */
export interface Task {
  role: 'produce' | 'consume'
  /** Driver name or module, as {@link loadDriver} takes it. */
  driver: string
  options: Readonly<Record<string, unknown>>
  variables: Readonly<Record<string, string>>
  dataDir: string
  /**
   * File that the process appends to, one number a line. The producer writes how many messages were
   * acknowledged so far; a consumer writes the number of each message that it handled.
   */
  journal: string
  /** Messages that the producer sends in total. */
  messages: number
}

/**
 * The soak's queue. Its retries must not run out: the same message may be held by many consumers that are
 * killed.
 */
export const QUEUE = {
  binding: 'soak',
  app: 'unmoor-soak',
  options: { maxRetries: 100, batchSize: 20 },
} as const

/** Seconds that a batch is leased; messages of a killed consumer are delivered again after that. */
export const LEASE_SECONDS = 4
