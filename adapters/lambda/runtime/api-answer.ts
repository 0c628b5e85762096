/** A complete HTTP answer of Lambda's Runtime API. */
export interface ApiAnswer {
  readonly status: number
  /** Header values of the Runtime API's answer by lower-case name; the last value of a repeated name. */
  readonly headers: ReadonlyMap<string, string>
  /** Body of the Runtime API's answer as UTF-8; undefined if the connection broke within it. */
  readonly body: string | undefined
}

type State = 'head' | 'length' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'close' | 'done'

const MAX_HEAD = 1024 * 1024

/**
 * Reads one HTTP/1.1 answer (RFC 9112) of the Runtime API as its bytes arrive: a body of a stated length, in
 * chunks, or up to the end of the connection.
 *
 * @throws `TypeError` for bytes that are not such an answer.
 */
export class AnswerReader {
  #state: State = 'head'
  /** Bytes of an incomplete head or line of an HTTP answer. */
  #pending: Buffer = EMPTY
  #status = 0
  #headers = new Map<string, string>()
  #body: Buffer[] = []
  #text: string | undefined
  /** Bytes of the HTTP answer's body or chunk that are still to come. */
  #left = 0
  #keep = true

  /** The HTTP answer when it is complete; undefined before. */
  get answer(): ApiAnswer | undefined {
    if (this.#state !== 'done') return undefined
    return {
      status: this.#status,
      headers: this.#headers,
      body: (this.#text ??= Buffer.concat(this.#body).toString('utf8')),
    }
  }

  /** True if the Runtime API connection can be used for another exchange. */
  get reusable(): boolean {
    return this.#state === 'done' && this.#keep
  }

  /** Reads bytes of an HTTP answer. The caller may reuse their buffer afterwards. */
  feed(given: Buffer): void {
    let bytes = this.#pending.byteLength === 0 ? given : Buffer.concat([this.#pending, given])
    this.#pending = EMPTY
    while (bytes.byteLength > 0 || (this.#left === 0 && this.#state === 'length')) {
      const next = this.#step(bytes)
      if (next === undefined) {
        if (bytes.byteLength > MAX_HEAD) throw new TypeError('the head of its answer has no end')
        this.#pending = Buffer.from(bytes)
        return
      }
      bytes = next
      if (this.#state !== 'done') continue
      // Bytes after a complete HTTP answer belong to no request, so the connection is not reused.
      if (bytes.byteLength > 0) this.#keep = false
      return
    }
  }

  /**
   * Handles the end of the Runtime API connection: returns the answer, perhaps with a partial body; undefined
   * if not even its head arrived.
   */
  end(): ApiAnswer | undefined {
    this.#keep = false
    if (this.#state === 'head') return undefined
    if (this.#state === 'close') this.#state = 'done'
    return this.answer ?? { status: this.#status, headers: this.#headers, body: undefined }
  }

  /**
   * Reads what it can of an HTTP answer's `bytes` and returns the rest; undefined if more bytes are needed.
   */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case 'head': {
        const end = bytes.indexOf('\r\n\r\n')
        if (end < 0) return undefined
        this.#readHead(bytes.toString('latin1', 0, end))
        return bytes.subarray(end + 4)
      }
      case 'length':
      case 'chunk': {
        const part = bytes.subarray(0, this.#left)
        // An HTTP body that arrives whole, the usual case, is decoded without a copy of its bytes.
        if (this.#state === 'length' && part.byteLength === this.#left && this.#body.length === 0)
          this.#text = part.toString('utf8')
        else this.#body.push(Buffer.from(part))
        this.#left -= part.byteLength
        if (this.#left === 0) this.#state = this.#state === 'length' ? 'done' : 'chunk-end'
        return bytes.subarray(part.byteLength)
      }
      case 'close':
        this.#body.push(Buffer.from(bytes))
        return EMPTY
      default: {
        const end = bytes.indexOf('\r\n')
        if (end < 0) return undefined
        this.#readLine(bytes.toString('latin1', 0, end))
        return bytes.subarray(end + 2)
      }
    }
  }

  #readHead(head: string): void {
    const lines = head.split('\r\n')
    const [, minor, status] = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(lines[0] as string) ?? []
    if (status === undefined)
      throw new TypeError(`its answer is no HTTP: ${JSON.stringify(head.slice(0, 60))}`)
    this.#status = Number(status)
    this.#headers.clear()
    for (let index = 1; index < lines.length; index++) {
      const line = lines[index] as string
      const colon = line.indexOf(':')
      if (colon <= 0)
        throw new TypeError(`its answer has a line that is no header: ${JSON.stringify(line.slice(0, 60))}`)
      this.#headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
    }
    // An HTTP status below 200 is an interim response; the final answer follows.
    if (this.#status < 200) return
    const connection = this.#headers.get('connection')?.toLowerCase()
    this.#keep = connection === 'keep-alive' || (minor === '1' && connection !== 'close')
    this.#state = this.#bodyState()
  }

  #bodyState(): State {
    if (this.#status === 204 || this.#status === 304) return this.#empty()
    const encoding = this.#headers.get('transfer-encoding')
    if (encoding !== undefined) {
      if (encoding.toLowerCase() !== 'chunked')
        throw new TypeError(`its answer's transfer-encoding is ${encoding}`)
      return 'size'
    }
    const length = this.#headers.get('content-length')
    if (length === undefined) return 'close'
    if (!/^\d{1,15}$/.test(length)) throw new TypeError(`its answer's content-length is ${length}`)
    this.#left = Number(length)
    return this.#left === 0 ? this.#empty() : 'length'
  }

  #empty(): State {
    this.#text = ''
    return 'done'
  }

  /** Reads a line between the chunks of a chunked HTTP body. */
  #readLine(line: string): void {
    if (this.#state === 'chunk-end') {
      if (line !== '') throw new TypeError('a chunk of its answer is longer than it says')
      this.#state = 'size'
    } else if (this.#state === 'size') {
      const size = /^([\da-f]{1,8})[ \t]*(?:;|$)/i.exec(line)?.[1]
      if (size === undefined)
        throw new TypeError(`its answer has a chunk without a size: ${JSON.stringify(line.slice(0, 60))}`)
      this.#left = Number.parseInt(size, 16)
      this.#state = this.#left === 0 ? 'trailer' : 'chunk'
    } else if (line === '') this.#state = 'done'
  }
}

const EMPTY: Buffer = Buffer.alloc(0)
