/** The spans of one event: where they begin, what is active, and when they are posted. */
import type { Context } from '../context.ts'
import type { Exporter } from './exporter.ts'
import type { AttributeValue, KIND, Span } from './otlp.ts'
import type { Settings } from './settings.ts'
import { randomId, type SpanContext } from './trace-context.ts'

/** The part of `AsyncLocalStorage` that the recorder uses; the build passes the target's own class. */
export interface ScopeStore {
  run<T>(scope: Scope | undefined, work: () => T): T
  getStore(): Scope | undefined
}

/** What runs now: the event and its innermost span. */
export interface Scope {
  readonly event: TracedEvent
  readonly context: SpanContext
  /** Baggage of the caller, passed on to what this event calls; undefined if there is none. */
  readonly baggage: string | undefined
  /**
   * True inside a call of a binding, whose driver may itself use `fetch` or other bindings: those calls are
   * the driver's own and get no spans.
   */
  readonly isQuiet: boolean
}

/** Beginning of a span: all but its times. */
export interface SpanStart {
  readonly name: string
  readonly kind: (typeof KIND)[keyof typeof KIND]
  readonly attributes: Record<string, AttributeValue>
  /** Spans that caused this one, its parent among them; undefined if none are known. */
  readonly links?: readonly SpanContext[] | undefined
}

/** Called with a span and the call's result before the span ends; the result is undefined after a throw. */
export type Describe<T> = (span: Span, result: T | undefined) => void

/** One request, batch or run of a cron, with the spans that it has ended and not posted yet. */
export class TracedEvent {
  readonly recorder: Recorder
  #ctx: Context
  #ended: Span[] = []
  #isAnswered = false
  #isPosting = false
  // A process that sleeps (Lambda) or whose clock is set (NTP) makes the two clocks differ, so they are
  // compared once an event.
  #epoch = Date.now() - performance.now()

  constructor(recorder: Recorder, ctx: Context) {
    this.recorder = recorder
    this.#ctx = ctx
  }

  /** Returns the time in milliseconds since 1970, with fractions. */
  now(): number {
    return this.#epoch + performance.now()
  }

  /** Takes a span that has ended. Spans of `waitUntil` work end after the answer and are posted later. */
  add(span: Span): void {
    this.#ended.push(span)
    if (this.#isAnswered) this.#post()
  }

  /** Posts the spans so far, as the handler has answered. */
  answered(): void {
    this.#isAnswered = true
    this.#post()
  }

  #post(): void {
    if (this.#isPosting || this.#ended.length === 0) return
    this.#isPosting = true
    try {
      // Outside of any scope, so that the collector gets no span of its own post.
      this.#ctx.waitUntil(this.recorder.store.run(undefined, () => this.#postAll()))
    } catch {
      // A platform may refuse work of an event that is over. The call that just ended must not fail of it.
      this.recorder.exporter.lose(this.#ended.splice(0).length, 'too late')
    }
  }

  async #postAll(): Promise<void> {
    // The response is on its way before its spans are encoded.
    await new Promise((resolve) => setTimeout(resolve, 0))
    while (this.#ended.length > 0) await this.recorder.exporter.send(this.#ended.splice(0))
    this.#isPosting = false
  }
}

/** Begins and ends spans. One recorder serves one app and its env. */
export class Recorder {
  readonly settings: Settings
  readonly exporter: Exporter
  readonly store: ScopeStore

  constructor(settings: Settings, exporter: Exporter, store: ScopeStore) {
    this.settings = settings
    this.exporter = exporter
    this.store = store
  }

  /**
   * Runs an event's handler in a root span, whose parent is `parent` if a caller sent one. The result of
   * `work` is returned as it is, at once if it is no promise.
   */
  event<T>(
    ctx: Context,
    start: () => SpanStart,
    { parent, baggage }: { parent?: SpanContext | undefined; baggage?: string | undefined },
    work: () => T,
    describe?: Describe<Awaited<T>>,
  ): T {
    const traceId = parent?.traceId ?? randomId(16)
    const sampled = this.settings.sampler(traceId, parent)
    const context = { traceId, spanId: randomId(8), sampled, state: parent?.state }
    const event = new TracedEvent(this, ctx)
    const scope = { event, context, baggage, isQuiet: false }
    return this.#within(scope, { start, parent, work, describe })
  }

  /**
   * Runs a call in a span below the active one. Where the active span is not sampled, `work` runs without a
   * span of its own.
   */
  call<T>(
    { event, context: parent, baggage }: Scope,
    start: () => SpanStart,
    work: (scope: Scope) => T,
    describe?: Describe<Awaited<T>>,
  ): T {
    const context = parent.sampled ? { ...parent, spanId: randomId(8) } : parent
    const scope = { event, context, baggage, isQuiet: true }
    return this.#within(scope, { start, parent, work, describe })
  }

  /** Runs work in a span, which ends when the work has returned, thrown or settled. */
  #within<T>(scope: Scope, { start, parent, work, describe }: Recorded<T>): T {
    const { event, context, isQuiet } = scope
    const run = (): T => this.store.run(scope, () => work(scope))
    if (!context.sampled) return run()
    // Only an event's own span runs outside of drivers, and its parent is the caller's.
    const isRemote = !isQuiet && parent !== undefined
    const begun = event.now()
    const span: Span = { ...start(), context, parent, isRemote, start: begun, end: begun, isError: false }
    const end = (): void => {
      span.end = event.now()
      event.add(span)
      if (!isQuiet) event.answered()
    }
    const failed = (error: unknown): never => {
      describe?.(span, undefined)
      setError(span, errorType(error))
      end()
      throw error
    }
    const succeeded = (value: Awaited<T>): Awaited<T> => {
      describe?.(span, value)
      end()
      return value
    }
    let result: T
    try {
      result = run()
    } catch (error) {
      return failed(error)
    }
    return isPromise<Awaited<T>>(result)
      ? (result.then(succeeded, failed) as T)
      : succeeded(result as Awaited<T>)
  }
}

/** Work that runs in a span. */
interface Recorded<T> {
  readonly start: () => SpanStart
  readonly parent: SpanContext | undefined
  readonly work: (scope: Scope) => T
  readonly describe: Describe<Awaited<T>> | undefined
}

/** Returns the scope in which calls get spans; undefined outside of events and within drivers. */
export function activeScope(store: ScopeStore): Scope | undefined {
  const scope = store.getStore()
  return scope?.isQuiet === false ? scope : undefined
}

function isPromise<T>(value: unknown): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | undefined | null)?.then === 'function'
}

/** Marks a span as failed. A message is left out: it may have values of the app's data. */
export function setError(span: Span, type: string): void {
  span.isError = true
  span.attributes['error.type'] = type
}

/** Returns the code of an error that has one, such as those of bindings and of Node; else its class. */
function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
