/** EventSource, for server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */

type Handler = ((event: Event) => unknown) | null

/**
 * Milliseconds before an ended EventSource connection is opened again, until the server sends another delay.
 */
const RETRY = 2000

/** The class EventSource, over fetch. An instance made by `EventSource.from(stream)` ends with its stream. */
export class EventSource extends EventTarget {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSED = 2

  /** Creates an EventSource that reads events from a stream of bytes. */
  static from(stream: ReadableStream<Uint8Array>): EventSource {
    const source = new EventSource('about:blank', FROM_STREAM)
    source.#url = ''
    source.#readyState = EventSource.OPEN
    void source.#read(stream).then(() => source.#fail())
    return source
  }

  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSED = 2
  onopen: Handler = null
  onmessage: Handler = null
  onerror: Handler = null
  #url: string
  #readyState = 0
  #lastId = ''
  #retry = RETRY
  #abort = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    url: string | URL,
    init: { fetcher?: { fetch: typeof fetch }; withCredentials?: boolean } = {},
  ) {
    super()
    if (!URL.canParse(String(url)))
      throw new DOMException(
        `Cannot open an EventSource to '${String(url)}'. The URL is invalid.`,
        'SyntaxError',
      )
    if (init.withCredentials === true)
      throw new DOMException(
        'The init.withCredentials option is not supported. It must be false or undefined.',
        'NotSupportedError',
      )
    this.#url = String(url)
    if (init !== FROM_STREAM) void this.#connect(init.fetcher ?? globalThis)
  }

  get url(): string {
    return this.#url
  }

  get withCredentials(): boolean {
    return false
  }

  get readyState(): number {
    return this.#readyState
  }

  close(): void {
    this.#readyState = EventSource.CLOSED
    clearTimeout(this.#timer)
    this.#abort.abort()
  }

  async #connect(fetcher: { fetch: typeof fetch }): Promise<void> {
    try {
      const response = await fetcher.fetch(this.#url, {
        headers: {
          accept: 'text/event-stream',
          'cache-control': 'no-cache',
          ...(this.#lastId === '' ? {} : { 'last-event-id': this.#lastId }),
        },
        signal: this.#abort.signal,
      })
      const type = response.headers.get('content-type')?.split(';')[0]?.trim()
      if (response.status !== 200 || type !== 'text/event-stream' || response.body === null) {
        await response.body?.cancel()
        return this.#fail()
      }
      this.#readyState = EventSource.OPEN
      this.#emit(new Event('open'))
      await this.#read(response.body)
    } catch {
      // An EventSource opens a broken connection again, like a connection that ended.
    }
    if (this.#readyState === EventSource.CLOSED) return
    this.#readyState = EventSource.CONNECTING
    this.#emit(new Event('error'))
    this.#timer = setTimeout(() => void this.#connect(fetcher), this.#retry)
  }

  #fail(): void {
    if (this.#readyState === EventSource.CLOSED) return
    this.#readyState = EventSource.CLOSED
    this.#emit(new Event('error'))
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    const reader = stream.getReader()
    let text = ''
    let fields: { data: string[]; event: string } = { data: [], event: '' }
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done || this.#readyState === EventSource.CLOSED) return
        text += decoder.decode(value, { stream: true })
        // A carriage return at the end of a chunk of server-sent events may be the first half of a line
        // ending.
        for (let end = /\r\n|\n|\r(?!$)/.exec(text); end !== null; end = /\r\n|\n|\r(?!$)/.exec(text)) {
          const line = text.slice(0, end.index)
          text = text.slice(end.index + end[0].length)
          if (line !== '') this.#field(line, fields)
          else {
            this.#message(fields)
            fields = { data: [], event: '' }
          }
        }
      }
    } catch {
      // An EventSource treats a stream that fails like a stream that ended.
    } finally {
      await reader.cancel().catch(() => {})
    }
  }

  #field(line: string, fields: { data: string[]; event: string }): void {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') fields.data.push(value)
    else if (name === 'event') fields.event = value
    else if (name === 'id' && !value.includes('\0')) this.#lastId = value
    else if (name === 'retry' && /^\d+$/.test(value)) this.#retry = Number(value)
  }

  #message({ data, event }: { data: string[]; event: string }): void {
    // A server-sent message of empty lines only is dropped, as in workerd.
    if (data.every((line) => line === '')) return
    this.#emit(
      new MessageEvent(event === '' ? 'message' : event, {
        data: data.join('\n'),
        lastEventId: this.#lastId,
        origin: this.#url === '' ? '' : new URL(this.#url).origin,
      }),
    )
  }

  #emit(event: Event): void {
    const handler = { open: this.onopen, message: this.onmessage, error: this.onerror }[event.type]
    handler?.call(this, event)
    this.dispatchEvent(event)
  }
}

const FROM_STREAM = {}
