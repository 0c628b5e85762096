/**
 * Kv limits live in their own object so that an app that only uses kv does not bundle the rest. See {@link
 * LIMITS}.
 */
export const KV_LIMITS = {
  'kv.key': 512,
  'kv.value': 25 * 1024 * 1024,
  /** Maximum bytes of a kv entry's metadata as JSON. */
  'kv.metadata': 1024,
  /** Shortest time to live of a kv entry, in seconds. Shorter times are refused, never rounded up. */
  'kv.ttl.min': 60,
  /** Latest expiration of a kv entry, in seconds since 1970: Workers KV stores 32 bits. */
  'kv.expiration': 2_147_483_647,
  'kv.list': 1000,
  'kv.getMany': 100,
} as const

/** Sockets limits live in their own object so that an app without sockets does not bundle them. */
export const SOCKET_LIMITS = {
  /**
   * Maximum bytes of one socket message. API Gateway closes the socket of a client that sends a longer frame.
   */
  'sockets.message': 32_768,
  /** Maximum bytes of one message on a sockets binding with `largeMessages`. */
  'sockets.largeMessage': 1024 * 1024,
  /** Maximum bytes of `socket.data` as JSON. */
  'sockets.data': 2048,
  /** Maximum number of topics that one socket may subscribe to. */
  'sockets.topics': 16,
  /** Maximum bytes of the name of a sockets topic. */
  'sockets.topic': 128,
  /** Maximum bytes of the reason in a WebSocket close frame (RFC 6455, section 5.5.1). */
  'sockets.reason': 123,
  /** Maximum bytes of the data that a sockets ticket carries, as JSON. */
  'sockets.ticket': 2048,
  /** Longest lifetime of a sockets ticket, in seconds. */
  'sockets.ticketSeconds': 3600,
} as const

/** Maximum seconds that an app's `ctx.waitUntil` work may run after the response. See {@link LIMITS}. */
export const WAIT_UNTIL_SECONDS = 30

/**
 * The portable limits: the strictest limit of any target, checked before the backend is called, so that what
 * works on one target works on all. Sizes are in bytes (of UTF-8 for text), times in seconds unless the name
 * says otherwise. Sources: Cloudflare's and AWS's published limits.
 */
// The limits are built with `Object.assign`: a bundler drops an unused one, but not an object spread.
export const LIMITS = /* @__PURE__ */ Object.assign({}, KV_LIMITS, SOCKET_LIMITS, {
  'blob.key': 1024,
  /** Maximum bytes of a blob's custom metadata, keys and values together. */
  'blob.metadata': 2048,
  'blob.list': 1000,
  'blob.deleteMany': 1000,
  /** Largest blob that one put writes, in bytes. Cloudflare R2: 5 MiB less than 5 GiB. */
  'blob.size': (5 * 1024 - 5) * 1024 * 1024,
  'blob.part.min': 5 * 1024 * 1024,
  /** Maximum bytes of one part of a multipart upload, which is buffered in memory. */
  'blob.part.max': 100 * 1024 * 1024,
  'blob.parts': 10_000,
  /** Longest lifetime of a signed blob URL, in seconds: seven days, the maximum of S3. */
  'blob.signedUrl': 7 * 24 * 60 * 60,

  'sql.statement': 100_000,
  'sql.params': 100,
  'sql.row': 2_000_000,
  /** Maximum bytes of one LIKE or GLOB pattern in SQL. */
  'sql.likePattern': 50,
  'sql.columns': 100,
  'sql.compoundSelect': 5,
  /** Maximum depth of one SQL expression, and maximum number of terms in a chain such as a + b + c. */
  'sql.expressionDepth': 100,
  /** Largest integer in a SQL result; larger ones must be stored as text. */
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
  /**
   * Maximum number of services that one request may pass through; counted only if each service forwards its
   * request's headers.
   */
  'service.hops': 16,
  /** Maximum seconds that `ctx.waitUntil` work may run after the response. */
  waitUntil: WAIT_UNTIL_SECONDS,
  /** Maximum number of crons that one app may declare. */
  crons: 100,
} as const)

/** Name of a portable limit. */
export type LimitName = keyof typeof LIMITS
