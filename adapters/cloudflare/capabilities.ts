import { type Capabilities, NO_SOCKETS } from '../../core/capabilities.ts'

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
  ...NO_SOCKETS,
}
