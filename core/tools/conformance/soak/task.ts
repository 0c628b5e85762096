/** What a process of the soak is told, as JSON in its first argument. */
export interface Task {
  role: 'produce' | 'consume'
  /** As {@link loadDriver} takes it. */
  driver: string
  options: Readonly<Record<string, unknown>>
  variables: Readonly<Record<string, string>>
  dataDir: string
  /**
   * File that the process appends to: the producer how many messages were acknowledged so far, a consumer
   * each message that it handled, a number a line.
   */
  journal: string
  /** Messages to send in all. */
  messages: number
}

/**
 * The queue of the soak. Retries must not run out: a message may be in the hands of many consumers that are
 * killed.
 */
export const QUEUE = {
  binding: 'soak',
  app: 'unmoor-soak',
  options: { maxRetries: 100, batchSize: 20 },
} as const

/** Seconds that a batch is leased: what a killed consumer held comes again after that. */
export const LEASE_SECONDS = 4
