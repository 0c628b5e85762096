/**
 * Capabilities: what targets may differ in, as data. If a target lacks a capability, the conformance suite
 * runs the negative twin of the case, which proves that the operation fails in the way stated here.
 */
export const CAPABILITIES = {
  'request.streaming':
    'The handler sees the first bytes of a request body before the client has sent the last. Without it ' +
    'the body is buffered whole first.',
  'request.abort':
    '`request.signal` aborts when the client goes away. Without it the handler runs to its end.',
  'request.large': 'Request bodies of 5 MB of binary data and more are taken. Without it: 413.',
  'request.forms':
    'Forms are as browsers read and write them: %22 in a name is a quote, an empty file input is a File ' +
    'of size 0, a file without a type is text/plain, names may be unquoted. Without it the escape stays, ' +
    'the empty input is text, the type is empty, unquoted names are refused, and no limit of parts holds.',
  'response.large':
    'Response bodies of any size. Without it: an answer over the limit is a 5xx with a log line, never cut.',
  'response.streaming':
    'The client sees the first bytes of a response before the handler has written the last.',
  'http.keepWorkAfterAnswer':
    '`ctx.waitUntil` work goes on while other requests are answered. Without it the environment answers ' +
    'no other request until the work is done.',
  'blob.multipart':
    '`startUpload`, `uploadPart`, `completeUpload`, `abortUpload` of a blob binding. Without it: ' +
    '`Unsupported`; `put` takes a stream.',
  'blob.signedUrls':
    '`signedUrl` of a blob binding. Without it: `Unsupported`; let a route of the app serve the blob.',
  'sql.interactiveTransactions': '`env.db.transaction(fn)`. Without it: `Unsupported`; use `batch`.',
  'sql.each':
    '`env.db.each(...)`: rows one after another, without all of them in memory. Without it: `Unsupported`; ' +
    'read pages with `WHERE id > ? ORDER BY id LIMIT ?`.',
  'cache.shared':
    'Cache entries are seen by all processes of the target. Without it each process has its own.',
  'queue.exactAttempts': '`message.attempts` counts exactly. Without it, it may be higher after a crash.',
  sockets:
    'Bindings of the kind `sockets`. Without it a build refuses an app that declares one (`Unsupported`).',
  'sockets.binary':
    '`sockets({ binary: true })`: messages of bytes. Without it a build refuses the declaration; send text.',
  'sockets.largeMessages':
    '`sockets({ largeMessages: true })`: messages of up to 1 MiB. Without it a build refuses the ' +
    'declaration; send parts of 32,768 bytes.',
  'sockets.ordered':
    "Handlers of one socket's messages start in the order of the messages, after `open` has started. " +
    'Without it they start in any order, also before `open`.',
  'sockets.closeCode':
    'Clients see the code and reason of `close`, and `close` handlers see those of the client. Without it ' +
    'the platform chooses both.',
  'sockets.backpressure':
    'A socket whose client reads too slowly is closed with 1013 once 1 MiB waits for it. Without it the ' +
    'platform decides what becomes of it.',
  'sockets.autoResponse':
    '`autoResponse` is answered without an event of the app. Without it each such message is an event.',
  'sockets.answers':
    'Any answer to an upgrade reaches the client whole, and so do the headers of one that accepts it. ' +
    'Without it the status of one that refuses it, where that is 4xx or 5xx (else 403), and the subprotocol.',
  'sockets.strictFrames':
    'A client that breaks the protocol is closed with 1002, text that is no UTF-8 with 1007. Without it ' +
    'the platform may mend both: what is no UTF-8 reaches the handler as U+FFFD.',
  'sockets.orderlyStop':
    'A server that stops closes its sockets with 1012, and `close` handlers run. Without it connections ' +
    'are cut (1006), and `close` may not run.',
  'sockets.survivesDeploy':
    'Sockets stay open when a new version is deployed. Without it they end as `sockets.orderlyStop` says, ' +
    'and clients connect again.',
  'sockets.shared':
    'Messages of `send` and `publish` reach the sockets of all processes of the target, with its default ' +
    'driver. Without it those of the same process; a driver with a server (redis, nats, postgres) reaches ' +
    'all.',
} as const

/** Name of a capability: something that one target or driver can do and another cannot. */
export type Capability = keyof typeof CAPABILITIES
/** The capabilities of a target or driver: each is true if the target or driver has it. */
export type Capabilities = Readonly<Record<Capability, boolean>>

/** Capabilities for a target without sockets: everything about sockets is false. */
export const NO_SOCKETS = {
  sockets: false,
  'sockets.binary': false,
  'sockets.largeMessages': false,
  'sockets.ordered': false,
  'sockets.closeCode': false,
  'sockets.backpressure': false,
  'sockets.autoResponse': false,
  'sockets.answers': false,
  'sockets.strictFrames': false,
  'sockets.orderlyStop': false,
  'sockets.survivesDeploy': false,
  'sockets.shared': false,
} as const satisfies Partial<Capabilities>
