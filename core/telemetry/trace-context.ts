/** W3C Trace Context: ids of traces and spans, and the headers `traceparent` and `tracestate`. */

/** Identity of a span, as it crosses a process border. */
export interface SpanContext {
  /** 32 hexadecimal digits in lower case, not all zero. */
  readonly traceId: string
  /** 16 hexadecimal digits in lower case, not all zero. */
  readonly spanId: string
  /** True if the trace is recorded. */
  readonly sampled: boolean
  /** The header `tracestate` as received; undefined if there was none. */
  readonly state?: string | undefined
}

/**
 * Matches a `traceparent` of version 00. A later version may have more fields, which are ignored; version ff
 * is invalid (W3C Trace Context 2, section 3.2).
 */
const TRACEPARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/

/** Longest `tracestate` that is passed on; a participant may drop a longer one (section 3.3.1.5). */
const LONGEST_STATE = 512

/** Parses the trace headers of a request. Returns undefined without a valid `traceparent`. */
export function parseTraceparent(
  header: string | null | undefined,
  state?: string | null,
): SpanContext | undefined {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(header?.trim() ?? '') ?? []
  if (traceId === undefined || spanId === undefined || (version === '00' && rest !== undefined))
    return undefined
  const sampled = (parseInt(flags as string, 16) & 1) === 1
  return { traceId, spanId, sampled, state: state && state.length <= LONGEST_STATE ? state : undefined }
}

/** Returns the header `traceparent` of a span, which becomes the parent of what it calls. */
export function formatTraceparent({ traceId, spanId, sampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`
}

/** Bytes of randomness that are fetched at once: a call costs more than the bytes. */
const POOL_SIZE = 512
const pool = new Uint8Array(POOL_SIZE)
let used = POOL_SIZE

/** Returns a random id of `bytes` bytes as hexadecimal digits: 16 for a trace, 8 for a span. */
export function randomId(bytes: 8 | 16): string {
  if (used + bytes > POOL_SIZE) {
    crypto.getRandomValues(pool)
    used = 0
  }
  let id = ''
  for (const end = used + bytes; used < end; used++)
    id += ((pool[used] as number) + 256).toString(16).slice(1)
  // An id of zeros alone is invalid.
  return /[^0]/.test(id) ? id : randomId(bytes)
}
