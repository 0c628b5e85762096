import { currentSpec } from '../state.ts'

/**
 * True if a Worker's compatibility flag is on: named in the wrangler file, or the default at its
 * compatibility date.
 */
function isOn(flag: string, off: string, since: string): boolean {
  const { compatibilityDate, compatibilityFlags } = currentSpec()
  if (compatibilityFlags.includes(off)) return false
  return compatibilityFlags.includes(flag) || compatibilityDate >= since
}

/** True if binary WebSocket messages arrive as Blobs, as on the web. */
export function standardBinaryType(): boolean {
  return isOn('websocket_standard_binary_type', 'no_websocket_standard_binary_type', '2026-03-17')
}

/** True if a WebSocket close frame is answered before the Worker's `close` event. */
export function autoReplyToClose(): boolean {
  return isOn('web_socket_auto_reply_to_close', 'web_socket_manual_reply_to_close', '2026-04-07')
}

/** True if a WebSocket close reason is limited to 123 bytes. */
export function limitsReason(): boolean {
  return isOn('websocket_close_reason_byte_limit', 'no_websocket_close_reason_byte_limit', '2026-03-03')
}
