/** OTLP/JSON, the form in which spans are posted to a collector. */
import type { SpanContext } from './trace-context.ts'

/** Kinds of spans, by the numbers that OTLP has for them. */
export const KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const

/** A value of a span's attribute. */
export type AttributeValue = string | number | boolean

/** One recorded span. */
export interface Span {
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
  /** True if the parent is a span of another process. */
  readonly isRemote: boolean
  readonly name: string
  readonly kind: (typeof KIND)[keyof typeof KIND]
  readonly attributes: Record<string, AttributeValue>
  /** Spans of other traces or processes that caused this one; undefined if there are none. */
  readonly links?: readonly SpanContext[] | undefined
  /** Milliseconds since 1970, with fractions. */
  readonly start: number
  /** Milliseconds since 1970, with fractions. */
  end: number
  isError: boolean
}

/** Value of OTLP's status code for an error. */
const ERROR = 2
/** Bits of OTLP's `flags`: the field says whether the parent is remote, and the parent is remote. */
const HAS_IS_REMOTE = 0x100
const IS_REMOTE = 0x200

/** Returns the JSON text of a request to a collector with `spans`. */
export function encodeSpans(resource: Readonly<Record<string, string>>, spans: readonly Span[]): string {
  const scopeSpans = [{ scope: { name: 'unmoor' }, spans: spans.map(encodeSpan) }]
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes: encodeAttributes(resource) }, scopeSpans }],
  })
}

function encodeSpan(span: Span): object {
  return {
    ...encodeContext(span.context, span.isRemote),
    traceState: span.context.state,
    parentSpanId: span.parent?.spanId,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: nanoseconds(span.start),
    endTimeUnixNano: nanoseconds(span.end),
    attributes: encodeAttributes(span.attributes),
    links: span.links?.map((link) => encodeContext(link, true)),
    status: span.isError ? { code: ERROR } : {},
  }
}

function encodeContext({ traceId, spanId, sampled }: SpanContext, isRemote: boolean): object {
  return { traceId, spanId, flags: HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0) | (sampled ? 1 : 0) }
}

/** Returns milliseconds as the text of whole nanoseconds, which are more than a number can hold exactly. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}

function encodeAttributes(attributes: Readonly<Record<string, AttributeValue>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: encodeValue(value) }))
}

function encodeValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  // OTLP/JSON has 64-bit integers as texts in general; collectors take numbers too, as Protobuf's JSON does.
  return Number.isSafeInteger(value) ? { intValue: `${value}` } : { doubleValue: value }
}
