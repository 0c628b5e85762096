/**
 * The trace context of queue messages. It travels as blanks after a message's JSON text: every driver keeps
 * the text as it is, and every reader of JSON passes over blanks, so that a version of the app without
 * telemetry and a consumer of somebody else's read the message as before.
 */
import { type QueueMessage, queueWatch } from '../bindings/queue.ts'
import type { ScopeStore } from './recorder.ts'
import { formatTraceparent, parseTraceparent, type SpanContext } from './trace-context.ts'

/** JSON's four blanks; two of them are one character of a `traceparent`. */
const BLANKS = ' \t\n\r'
/** Number of blanks: a `traceparent` has 55 characters. */
const LENGTH = 110

/** The `traceparent` of delivered messages that have one. */
const senders = new WeakMap<QueueMessage, string>()

/** Lets messages carry the trace that is active when they are sent, and reads it from those delivered. */
export function watchQueues(store: ScopeStore): void {
  queueWatch.trailer = () => {
    const scope = store.getStore()
    if (!scope?.event.recorder.settings.propagators.includes('tracecontext')) return undefined
    return formatTraceparent(scope.context).replace(/./g, (digit) => {
      // A dash is no number and becomes two spaces, like a zero; its places are known.
      const value = parseInt(digit, 16)
      return BLANKS.charAt(value >> 2) + BLANKS.charAt(value & 3)
    })
  }
  queueWatch.received = (message, json) => {
    const blanks = json.slice(-LENGTH)
    if (blanks.trim()) return
    const digits = blanks.replace(/../gs, ([high = '', low = '']) =>
      (BLANKS.indexOf(high) * 4 + BLANKS.indexOf(low)).toString(16),
    )
    senders.set(message, digits.replace(/^00.(.{32}).(.{16})./, '00-$1-$2-'))
  }
}

/** What a batch's span knows of the spans that sent its messages. */
export interface Senders {
  /** The sender of all messages; undefined where there are several, as a span has one parent. */
  readonly parent: SpanContext | undefined
  readonly links: readonly SpanContext[]
}

/** Returns the spans that sent the messages of a batch, each once. */
export function sendersOf(messages: readonly QueueMessage[]): Senders {
  const known = [...new Set(messages.map((one) => senders.get(one)))]
  const links = known.flatMap((one) => parseTraceparent(one) ?? [])
  return { parent: known.length > 1 ? undefined : links[0], links }
}
