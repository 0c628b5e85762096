/**
 * A target of one's own: Deno, one process that serves HTTP, consumes queues and fires crons. Written against
 * unmoor's public exports only.
 */
import type { Adapter } from 'unmoor/adapter'
import { build } from './build.ts'
import { migrate, start } from './start.ts'

declare module 'unmoor' {
  interface Targets {
    /** A Deno server. It has no options. */
    deno: Record<string, never>
  }
}

/** `SELECT` of a text with a NUL, in Deno 2.9.6: the rest is stored, and cast to a blob it comes whole. */
const CUT = "Deno's node:sqlite cuts a text that it reads at the first NUL; node's own gives it whole"

const deno: Adapter = {
  name: 'deno',
  capabilities: {
    'request.streaming': true,
    'request.abort': true,
    'request.large': true,
    'request.forms': true,
    'response.large': true,
    'response.streaming': true,
    'http.keepWorkAfterAnswer': true,
    'blob.multipart': true,
    'blob.signedUrls': false,
    'sql.interactiveTransactions': true,
    'cache.shared': false,
    'queue.exactAttempts': true,
  },
  nodeBuiltins: 'all',
  conditions: ['deno', 'node', 'import', 'default'],
  defaultDrivers: {
    kv: { driver: 'sqlite' },
    sql: { driver: 'sqlite' },
    queue: { driver: 'sqlite' },
    blob: { driver: 'fs' },
    cache: { driver: 'memory' },
    secret: { driver: 'env' },
    service: { driver: 'http' },
    assets: { driver: 'files' },
  },
  // No option at all: a build refuses each by its name.
  options: {},
  expectations: {
    'kv-06': CUT,
    'kv-18': CUT,
  },
  build,
  start,
  migrate,
}

export default deno
