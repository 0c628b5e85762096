import type { Capabilities } from '../../core/capabilities.ts'

/**
 * Capabilities of Workers. Sources: developers.cloudflare.com/workers/platform/limits and /runtime-apis.
 * Differences of the simulator are in README.md.
 */
export const capabilities: Capabilities = {
  'request.streaming': true,
  // Request abort works through the compatibility flag enable_request_signal, which every artifact sets.
  'request.abort': true,
  'request.large': true,
  // workerd parses form data itself, and a Worker cannot replace that parser.
  'request.forms': false,
  'response.large': true,
  'response.streaming': true,
  'http.keepWorkAfterAnswer': true,
  'blob.multipart': true,
  'blob.signedUrls': false,
  // D1 refuses BEGIN; a batch is D1's transaction.
  'sql.interactiveTransactions': false,
  'sql.each': false,
  // The Cache API is shared by all processes of one Cloudflare location.
  'cache.shared': true,
  'queue.exactAttempts': true,
  sockets: true,
  'sockets.binary': true,
  'sockets.largeMessages': true,
  'sockets.ordered': true,
  'sockets.closeCode': true,
  // A WebSocket of workerd accepts whatever is sent and does not report how much is buffered.
  'sockets.backpressure': false,
  'sockets.autoResponse': true,
  'sockets.answers': true,
  // workerd accepts unmasked WebSocket frames and repairs invalid UTF-8.
  'sockets.strictFrames': false,
  // Code updates of a Worker disconnect all its WebSockets:
  // developers.cloudflare.com/durable-objects/best-practices/websockets.
  'sockets.orderlyStop': false,
  'sockets.survivesDeploy': false,
  'sockets.shared': true,
}
