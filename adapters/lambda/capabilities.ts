import type { Capabilities } from '../../core/capabilities.ts'
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
  sockets: true,
  // A client that sends bytes is closed with 1003; frames have at most 32 KB.
  'sockets.binary': false,
  'sockets.largeMessages': false,
  // Messages of one client are invoked beside each other.
  'sockets.ordered': false,
  // DeleteConnection takes an id only.
  'sockets.closeCode': false,
  'sockets.backpressure': false,
  // Each is an invocation, though no handler of the app is called.
  'sockets.autoResponse': false,
  // The client sees the status of an answer that refuses it, and of one that accepts it the subprotocol.
  'sockets.answers': false,
  'sockets.strictFrames': true,
  // API Gateway stops for nobody; a local start closes with 1012.
  'sockets.orderlyStop': true,
  'sockets.survivesDeploy': true,
  'sockets.shared': true,
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
