/** An answer of the Runtime API, once it is whole. */
export interface ApiAnswer {
  readonly status: number
  /** Values by lower-case name; the last one of a repeated name. */
  readonly headers: ReadonlyMap<string, string>
  /** As UTF-8; undefined where the connection broke within it. */
  readonly body: string | undefined
}

type State = 'head' | 'length' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'close' | 'done'

const MAX_HEAD = 1024 * 1024

/**
 * Reads one HTTP/1.1 answer (RFC 9112) as its bytes come: a body of a stated length, in chunks, or up to the
 * end of the connection.
 *
 * @throws `TypeError` for bytes that are no such answer.
 */
export class AnswerReader {
  #state: State = 'head'
  /** Bytes of a head or line that is not whole yet. */
  #pending: Buffer = EMPTY
  #status = 0
  #headers = new Map<string, string>()
  #body: Buffer[] = []
  #text: string | undefined
  /** Bytes that are left of the body or chunk. */
  #left = 0
  #keep = true

  /** The answer, when it is whole. */
  get answer(): ApiAnswer | undefined {
    if (this.#state !== 'done') return undefined
    return {
      status: this.#status,
      headers: this.#headers,
      body: (this.#text ??= Buffer.concat(this.#body).toString('utf8')),
    }
  }

  /** True if the connection can be used for another exchange. */
  get reusable(): boolean {
    return this.#state === 'done' && this.#keep
  }

  /** Takes bytes, which are the caller's own again afterwards. */
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
      // Nothing was asked, so nothing may follow.
      if (bytes.byteLength > 0) this.#keep = false
      return
    }
  }

  /** The connection has ended: the answer, or what there is of it; undefined where not even its head came. */
  end(): ApiAnswer | undefined {
    this.#keep = false
    if (this.#state === 'head') return undefined
    if (this.#state === 'close') this.#state = 'done'
    return this.answer ?? { status: this.#status, headers: this.#headers, body: undefined }
  }

  /** Takes what it can of `bytes` and returns the rest; undefined where more must come first. */
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
        // Usually all of it came at once, and need not be kept.
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
    // What comes before the answer itself.
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

  /** A line between chunks. */
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
