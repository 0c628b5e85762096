/**
 * Kv limits live in their own object so that an app that only uses kv does not bundle the rest. See {@link
 * LIMITS}.
 */
export const KV_LIMITS = {
  'kv.key': 512,
  'kv.value': 25 * 1024 * 1024,
  /** JSON text of the metadata. */
  'kv.metadata': 1024,
  /** Smallest time to live. Shorter ones are refused, never rounded up. */
  'kv.ttl.min': 60,
  /** Latest expiration, in seconds since 1970: Workers KV keeps 32 bits. */
  'kv.expiration': 2_147_483_647,
  'kv.list': 1000,
  'kv.getMany': 100,
} as const

/** Sockets limits live in their own object so that an app without sockets does not bundle them. */
export const SOCKET_LIMITS = {
  /** Bytes of one message. API Gateway closes the socket of a client that sends a longer frame. */
  'sockets.message': 32_768,
  /** Bytes of one message of a binding with `largeMessages`. */
  'sockets.largeMessage': 1024 * 1024,
  /** Bytes of `socket.data` as JSON. */
  'sockets.data': 2048,
  /** Topics of one socket. */
  'sockets.topics': 16,
  /** Bytes of a topic's name. */
  'sockets.topic': 128,
  /** Bytes of the reason of a close (RFC 6455, section 5.5.1). */
  'sockets.reason': 123,
  /** Bytes of what a ticket carries, as JSON. */
  'sockets.ticket': 2048,
  /** Longest life of a ticket, in seconds. */
  'sockets.ticketSeconds': 3600,
} as const

/** Seconds that `ctx.waitUntil` work may go on after the answer. See {@link LIMITS}. */
export const WAIT_UNTIL_SECONDS = 30

/**
 * The portable limits: the strictest of all targets, enforced before the backend is called, so that what
 * works on one target works on all. Sizes are in bytes (of UTF-8 for text), times in seconds unless the name
 * says otherwise. Sources: Cloudflare's and AWS's published limits.
 */
// A call that a bundler may drop: a spread may not be.
export const LIMITS = /* @__PURE__ */ Object.assign({}, KV_LIMITS, SOCKET_LIMITS, {
  'blob.key': 1024,
  /** Custom metadata: keys and values together. */
  'blob.metadata': 2048,
  'blob.list': 1000,
  'blob.deleteMany': 1000,
  /** Largest blob written by one put. Cloudflare R2: 5 MiB less than 5 GiB. */
  'blob.size': (5 * 1024 - 5) * 1024 * 1024,
  'blob.part.min': 5 * 1024 * 1024,
  /** Bytes of one part of an upload, which is held in memory. */
  'blob.part.max': 100 * 1024 * 1024,
  'blob.parts': 10_000,
  /** Longest life of a signed URL: seven days, S3's. */
  'blob.signedUrl': 7 * 24 * 60 * 60,

  'sql.statement': 100_000,
  'sql.params': 100,
  'sql.row': 2_000_000,
  /** Bytes of one LIKE or GLOB pattern. */
  'sql.likePattern': 50,
  'sql.columns': 100,
  'sql.compoundSelect': 5,
  /** Nesting of one expression, and terms of a chain such as a + b + c. */
  'sql.expressionDepth': 100,
  /** Largest whole number in a result; text holds larger ones. */
  'sql.integer': Number.MAX_SAFE_INTEGER,

  'queue.message': 127_000,
  'queue.sendBatch': 100,
  'queue.sendBatchBytes': 256_000,
  'queue.delay': 900,
  'queue.maxRetries': 100,
  'queue.batchSize': 100,
  'queue.batchWait': 60,

  'secret.value': 4096,
  'service.headers': 32 * 1024,
  /** Services that one request may pass, where each hands on its request's headers. */
  'service.hops': 16,
  /** Longest life of `ctx.waitUntil` work after the answer. */
  waitUntil: WAIT_UNTIL_SECONDS,
  /** Cron triggers of one app. */
  crons: 100,
} as const)

/** The name of a portable limit. */
export type LimitName = keyof typeof LIMITS
