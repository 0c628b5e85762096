/** The ids by which log lines of one event are found together: see `Context.requestId`. */

const USABLE = /^[\w.:/+=@-]{1,128}$/

/**
 * An id that a trusted proxy or a platform gave, where it can stand in a header and a log line as it is: 1 to
 * 128 letters, digits and `_ . : / + = @ -`. Undefined for anything else.
 */
export function usableId(given: string | null | undefined): string | undefined {
  return given !== undefined && given !== null && USABLE.test(given) ? given : undefined
}
