import { type Capabilities, NO_SOCKETS } from '../../core/capabilities.ts'
import type { LambdaOptions } from './options.ts'

/** Through a Function URL in its default mode, RESPONSE_STREAM. */
export const CAPABILITIES: Capabilities = {
  // AWS gives the function a whole request, and does not tell it that the client went away.
  'request.streaming': false,
  'request.abort': false,
  // 6 MB of JSON, in which binary data is base64.
  'request.large': false,
  'request.forms': true,
  'response.large': true,
  'response.streaming': true,
  'http.keepWorkAfterAnswer': false,
  'blob.multipart': true,
  'blob.signedUrls': true,
  'sql.interactiveTransactions': true,
  'sql.each': true,
  'cache.shared': false,
  'queue.exactAttempts': false,
  ...NO_SOCKETS,
}

/**
 * With these options: everything but a streaming Function URL takes answers whole, up to 6 MB (load
 * balancers: 1 MB); an environment with several events at once keeps work without holding others up.
 */
export function capabilitiesOf({
  event,
  invokeMode,
  concurrency,
}: Required<Pick<LambdaOptions, 'event' | 'invokeMode' | 'concurrency'>>): Capabilities {
  const streams = event === 'url' && invokeMode === 'RESPONSE_STREAM'
  return {
    ...CAPABILITIES,
    'response.large': streams,
    'response.streaming': streams,
    'http.keepWorkAfterAnswer': concurrency > 1,
  }
}
