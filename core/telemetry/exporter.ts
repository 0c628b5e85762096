/** Posts spans to a collector. Nothing here can fail or delay a request: it runs in `ctx.waitUntil`. */
import { encodeSpans, type Span } from './otlp.ts'
import { parsePairs, type Settings } from './settings.ts'

/**
 * Number of spans that may wait for the post before them. A collector that hangs would otherwise take memory
 * for each request. The specification's batch processor has the same default.
 */
const MOST_WAITING = 2048
/** Milliseconds between two log lines about spans that were lost. */
const LOG_INTERVAL = 60_000
/** Longest part of a collector's answer in a log line. */
const LONGEST_REASON = 200

/** Parts of the target that an {@link Exporter} uses. */
export interface ExporterParts {
  /** The global `fetch` from before the recorder wrapped it. */
  readonly fetch: typeof globalThis.fetch
  /** Returns the secret with the collector's headers, `name=value,...`; null if there is none. */
  readonly headers: () => Promise<string | null>
}

/**
 * Sends spans as OTLP/JSON. One post is under way at a time, and the spans that end meanwhile are the next
 * one: a busy server posts many events at once, an idle one posts each event at once.
 */
export class Exporter {
  #settings: Settings
  #parts: ExporterParts
  #headers: Record<string, string> | undefined
  /** Settles when the last post is over; never rejects. */
  #last: Promise<void> = Promise.resolve()
  /** Spans that wait for the post under way; undefined if none wait. */
  #waiting: Span[] | undefined
  #lost = 0
  #logged = -Infinity

  constructor(settings: Settings, parts: ExporterParts) {
    this.#settings = settings
    this.#parts = parts
  }

  /** Posts spans. Never rejects: spans that the collector did not take are counted and logged. */
  send(spans: readonly Span[]): Promise<void> {
    // A Worker may not wait for another event's work, so there each event has a post of its own.
    if (globalThis.navigator?.userAgent === 'Cloudflare-Workers') return this.#post(spans)
    if (this.#waiting === undefined) {
      const waiting: Span[] = (this.#waiting = [])
      this.#last = this.#last.then(() => {
        this.#waiting = undefined
        return this.#post(waiting)
      })
    }
    if (this.#waiting.length + spans.length > MOST_WAITING) this.lose(spans.length, 'too slow')
    else this.#waiting.push(...spans)
    return this.#last
  }

  async #post(spans: readonly Span[]): Promise<void> {
    const { url, timeout, resource } = this.#settings
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(new Error(`no answer in ${timeout} ms`)), timeout)
    try {
      this.#headers ??= await this.#readHeaders()
      const answer = await this.#parts.fetch(url, {
        method: 'POST',
        headers: { ...this.#headers, 'content-type': 'application/json' },
        body: encodeSpans(resource, spans),
        redirect: 'manual',
        signal: controller.signal,
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${answer.status} ${text.slice(0, LONGEST_REASON)}`.trim())
      const { rejected, reason } = readRejected(text)
      if (rejected > 0) this.lose(rejected, reason)
    } catch (error) {
      this.lose(spans.length, reasonOf(error))
    } finally {
      clearTimeout(timer)
    }
  }

  async #readHeaders(): Promise<Record<string, string>> {
    const text = await this.#parts.headers()
    try {
      return parsePairs(text ?? '')
    } catch {
      // The value is a secret, so the message has none of it.
      throw new Error('OTEL_EXPORTER_OTLP_HEADERS is not name=value,name=value')
    }
  }

  /** Counts spans that are lost, and logs them unless it did so within the last minute. */
  lose(spans: number, reason: string): void {
    this.#lost += spans
    const now = Date.now()
    if (now - this.#logged < LOG_INTERVAL) return
    console.error(
      `tracing: ${this.#lost} spans were not exported to ${new URL(this.#settings.url).host}: ${reason}`,
    )
    this.#logged = now
    this.#lost = 0
  }
}

/** Reads how many spans a collector refused although it answered 200 (`partialSuccess` of OTLP). */
function readRejected(text: string): { rejected: number; reason: string } {
  try {
    const { partialSuccess: partial } = JSON.parse(text) as {
      partialSuccess?: { rejectedSpans?: string | number; errorMessage?: string }
    }
    const reason = String(partial?.errorMessage ?? 'refused').slice(0, LONGEST_REASON)
    return { rejected: Number(partial?.rejectedSpans) || 0, reason }
  } catch {
    // Some collectors answer 200 without JSON, which says that they took all.
    return { rejected: 0, reason: '' }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // `fetch failed` says nothing; its cause has the address and the reason.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
