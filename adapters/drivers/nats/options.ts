import { type DriverOptionTables, type OptionTable, TIMEOUT } from '../../../core/option-table.ts'

/**
 * Options of the nats driver in a config.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { clicks: { driver: 'nats', url: { env: 'NATS_URL' }, replicas: 3 } },
 * })
 * ```
 */
export interface NatsOptions {
  /**
   * Address of the NATS server: `nats://user:password@host:4222`, `nats://token@host`, or `tls://`; several
   * are separated by commas. Default: the variable NATS_URL.
   */
  url?: string
  /**
   * Start of the names of NATS streams and subjects, which separates stages on one server. Default: `unmoor`.
   */
  prefix?: string
  /** Queues only: number of copies of each stream in a NATS cluster, 1, 3 or 5. Default: 1. */
  replicas?: number
  /**
   * Queues only: seconds after which the message of a process that died is delivered again. This is the NATS
   * server's ack wait, which the driver renews while a lease lasts. Default: 30.
   */
  ackWait?: number
  /** Seconds to wait for a connection to the NATS server, at most 900. Default: 10. */
  connectTimeout?: number
  /** Seconds to wait for an answer of the NATS server, at most 900. Default: 10. */
  timeout?: number
  /** Start of the subjects for answers, if the NATS user may not use the usual one. Default: `_INBOX`. */
  inboxPrefix?: string
}

const connection = {
  url: 'string',
  prefix: 'string',
  connectTimeout: TIMEOUT,
  timeout: TIMEOUT,
  inboxPrefix: 'string',
} satisfies OptionTable<Omit<NatsOptions, 'replicas' | 'ackWait'>>

export const options = {
  queue: {
    ...connection,
    replicas: { number: 'copies', min: 1, max: 5, whole: true },
    ackWait: { number: 'seconds' },
  } satisfies OptionTable<NatsOptions>,
  sockets: connection,
} satisfies DriverOptionTables
