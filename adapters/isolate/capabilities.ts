import type { Capabilities } from '../../core/capabilities.ts'

/** What an app in an isolate can do. */
export const capabilities: Capabilities = {
  'request.streaming': true,
  'request.abort': true,
  'request.large': true,
  'response.large': true,
  'response.streaming': true,
  'http.keepWorkAfterAnswer': true,
  'blob.multipart': true,
  'blob.signedUrls': false,
  'sql.interactiveTransactions': true,
  'cache.shared': false,
  'queue.exactAttempts': true,
}
