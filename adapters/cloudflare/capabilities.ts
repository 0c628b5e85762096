import type { Capabilities } from '../../core/capabilities.ts'

/**
 * What Workers can do. Sources: developers.cloudflare.com/workers/platform/limits and /runtime-apis; what the
 * simulator does otherwise is in README.md.
 */
export const capabilities: Capabilities = {
  'request.streaming': true,
  // Through the compatibility flag enable_request_signal, which every artifact has.
  'request.abort': true,
  'request.large': true,
  // workerd has a parser of its own, which a Worker cannot replace.
  'request.forms': false,
  'response.large': true,
  'response.streaming': true,
  'http.keepWorkAfterAnswer': true,
  'blob.multipart': true,
  'blob.signedUrls': false,
  // D1 refuses BEGIN; batch is its transaction.
  'sql.interactiveTransactions': false,
  'sql.each': false,
  // Shared by the processes of one location.
  'cache.shared': true,
  'queue.exactAttempts': true,
  sockets: true,
  'sockets.binary': true,
  'sockets.largeMessages': true,
  'sockets.ordered': true,
  'sockets.closeCode': true,
  // A WebSocket of workerd takes whatever is sent and tells nobody how much waits.
  'sockets.backpressure': false,
  'sockets.autoResponse': true,
  'sockets.answers': true,
  // workerd takes unmasked frames and mends UTF-8.
  'sockets.strictFrames': false,
  // Code updates disconnect all WebSockets:
  // developers.cloudflare.com/durable-objects/best-practices/websockets.
  'sockets.orderlyStop': false,
  'sockets.survivesDeploy': false,
  'sockets.shared': true,
}
