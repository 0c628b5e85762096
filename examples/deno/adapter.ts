/**
 * A custom target: Deno, one process that serves HTTP, consumes queues and fires crons. The adapter uses only
 * unmoor's public exports.
 */
import { type Adapter, NO_SOCKETS } from 'unmoor/adapter'
import { build } from './build.ts'
import { migrate, start } from './start.ts'

declare module 'unmoor' {
  interface Targets {
    /** A Deno server. It has no options. */
    deno: Record<string, never>
  }
}

/**
 * Reason of known failures in Deno 2.9.6: `SELECT` of a text with a NUL returns the text up to the NUL. The
 * rest is stored, and a cast to a blob returns all of it.
 */
const CUT = "Deno's node:sqlite cuts a text that it reads at the first NUL; node's own gives it whole"

const UINT8 = "Deno's Request and Response read streams of Uint8Arrays only"
const FORMS = "Deno's own parser and writer of forms, which differ from browsers' and from workerd's"
const HALF = 'Deno drops a client that has closed its side of the connection'
const UNASKED = 'Deno decodes nothing where the request says itself what it accepts'

const deno: Adapter = {
  name: 'deno',
  capabilities: {
    'request.streaming': true,
    'request.abort': true,
    'request.large': true,
    'request.forms': false,
    'response.large': true,
    'response.streaming': true,
    'http.keepWorkAfterAnswer': true,
    'blob.multipart': true,
    'blob.signedUrls': false,
    'sql.interactiveTransactions': true,
    'sql.each': true,
    'cache.shared': false,
    'queue.exactAttempts': true,
    ...NO_SOCKETS,
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
  // No option exists: a build refuses each given option by its name.
  options: {},
  expectations: {
    'kv-06': CUT,
    'kv-18': CUT,
    'handlers-129': HALF,
    'handlers-130': HALF,
    'handlers-132': HALF,
    'handlers-134': 'Deno refuses a head of that size with 400',
    'handlers-141': 'Deno takes a Host header with a path for a host',
    'handlers-143': 'Deno gives the app a URL that is none',
    'handlers-166': FORMS,
    'handlers-169': FORMS,
    'handlers-172': FORMS,
    'handlers-173': FORMS,
    'handlers-174': FORMS,
    'handlers-175': FORMS,
    'handlers-178': FORMS,
    'handlers-179': FORMS,
    'handlers-180': FORMS,
    'handlers-181': FORMS,
    'handlers-184': 'Deno gives each POST a body, also one that has none',
    'handlers-185': 'Deno leaves the fragment of a target in the URL',
    'runtime-65': 'Deno runs what enterWith has entered on in the events after it',
    'runtime-67': "Deno's CompressionStream takes the next write only when somebody reads",
    'answers-35': 'Deno answers a HEAD without a length with content-length 0',
    'answers-47': UINT8,
    'answers-49': 'Deno sends the head before it reads the stream',
    'fetch-18': 'Deno decodes gzip and br only; all else reaches the app as it came, with its label',
    'fetch-20': UNASKED,
    'fetch-36': UNASKED,
    'fetch-43': UINT8,
    'fetch-90': 'Deno sends any stream in chunks, that of a request or an answer too',
  },
  build,
  start,
  migrate,
}

export default deno
