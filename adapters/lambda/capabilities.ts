import type { Capabilities } from '../../core/capabilities.ts'
import type { LambdaOptions } from './options.ts'

/** Capabilities of Lambda with the default options: a Function URL in mode RESPONSE_STREAM. */
export const CAPABILITIES: Capabilities = {
  // AWS passes a Lambda function a whole request, and does not report that the client went away.
  'request.streaming': false,
  'request.abort': false,
  // Lambda events have at most 6 MB of JSON, in which binary data is base64.
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
  // On Lambda, a WebSocket client that sends binary messages is closed with 1003; frames have at most 32 KB.
  'sockets.binary': false,
  'sockets.largeMessages': false,
  // On Lambda, WebSocket messages of one client can be handled concurrently, in separate invocations.
  'sockets.ordered': false,
  // API Gateway's DeleteConnection takes only an id, without a close code.
  'sockets.closeCode': false,
  'sockets.backpressure': false,
  // Each automatic WebSocket response costs a Lambda invocation, although no handler of the app is called.
  'sockets.autoResponse': false,
  // A WebSocket client of API Gateway sees only the status of an answer that refuses it, and only the
  // subprotocol of one that accepts it.
  'sockets.answers': false,
  'sockets.strictFrames': true,
  // API Gateway never stops; a local start closes WebSockets with 1012.
  'sockets.orderlyStop': true,
  'sockets.survivesDeploy': true,
  'sockets.shared': true,
}

/**
 * Capabilities of Lambda for given options. Everything but a streaming Function URL buffers answers whole, up
 * to 6 MB (load balancers: 1 MB). An environment that handles several events at once can keep work without
 * blocking others.
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
