/** Request ids, which tie the log lines of one event together: see `Context.requestId`. */

const USABLE = /^[\w.:/+=@-]{1,128}$/

/**
 * Returns the request id of a trusted proxy or platform if it is safe for a header and a log line: 1 to 128
 * letters, digits and `_ . : / + = @ -`. Undefined for anything else.
 */
export function usableId(given: string | null | undefined): string | undefined {
  return given !== undefined && given !== null && USABLE.test(given) ? given : undefined
}
