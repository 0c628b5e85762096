/**
 * An HTTP/1.1 client over a bare socket: sends bytes unchanged and shows when each arrives. Runs on Node,
 * outside the target.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'

const LATIN1 = 'latin1'

/**
 * One raw HTTP request. Header names and values are written as Latin-1. Only Host, Connection and the body's
 * length are added.
 */
export interface RawRequest {
  /** Method of the raw HTTP request. Default: GET. */
  method?: string
  /** Request target of the raw HTTP request, exactly as sent. */
  path: string
  headers?: readonly (readonly [name: string, value: string])[]
  /** Request body that is sent at once, with Content-Length. Default: none. */
  body?: Uint8Array | string
  /**
   * If true, the raw request sends `Transfer-Encoding: chunked`; the caller sends the chunks with {@link
   * RawConnection.chunk}. Default: false.
   */
  chunked?: boolean
  /** Host header of the raw HTTP request. Default: the target's own host. */
  host?: string
}

/** A raw HTTP answer, as received. */
export interface RawResponse {
  status: number
  /** Headers of the HTTP answer in the order sent, names in lower case. */
  headers: [name: string, value: string][]
  body: Uint8Array
  /** True if the answer's body ended as its framing requires: length reached, last chunk, or close. */
  complete: boolean
}

/** A TCP connection for one HTTP exchange. */
export class RawConnection {
  #socket: Socket
  #buffer: Buffer = Buffer.alloc(0)
  #closed = false
  #wake: (() => void) | undefined
  #error: Error | undefined
  #method: string

  constructor(socket: Socket, method: string) {
    this.#socket = socket
    this.#method = method
    socket.on('data', (data: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, data])
      this.#wake?.()
    })
    socket.on('error', (error: Error) => {
      this.#error = error
      this.#closed = true
      this.#wake?.()
    })
    socket.on('close', () => {
      this.#closed = true
      this.#wake?.()
    })
  }

  /** Sends one chunk of a chunked request body. */
  chunk(text: string | Uint8Array): void {
    const bytes = Buffer.from(text)
    this.#socket.write(
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]),
    )
  }

  /** Sends the last chunk of a chunked request body. */
  end(): void {
    this.#socket.write('0\r\n\r\n')
  }

  /** Closes the sending side of the HTTP connection; the answer can still arrive. */
  finish(): void {
    this.#socket.end()
  }

  /** Closes the HTTP connection as an ending program does: data that was sent before still arrives. */
  leave(): void {
    this.#socket.destroySoon()
  }

  /**
   * Drops the HTTP connection with a TCP reset, since a mere close could also be a client that has sent all
   * and still listens.
   */
  destroy(): void {
    if (this.#socket instanceof TLSSocket) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }

  /**
   * Resolves to true once the bytes received on the HTTP connection contain `text`; false if it ends or
   * `seconds` pass before.
   */
  async sees(text: string, seconds: number): Promise<boolean> {
    const end = Date.now() + seconds * 1000
    while (!this.#buffer.includes(text)) {
      if (this.#closed || Date.now() >= end) return false
      await this.#more(end)
    }
    return true
  }

  /** Resolves to the whole HTTP answer. Rejects if no status line and headers came. */
  async response(seconds = 15): Promise<RawResponse> {
    const end = Date.now() + seconds * 1000
    try {
      return await this.#response(end)
    } finally {
      this.#socket.destroy()
    }
  }

  async #response(end: number): Promise<RawResponse> {
    for (;;) {
      const head = await this.#head(end)
      // HTTP answers with a status 1xx precede the final answer and are skipped.
      if (head.status >= 200) return { ...head, ...(await this.#body(head, end)) }
    }
  }

  async #head(end: number): Promise<{ status: number; headers: [string, string][] }> {
    for (;;) {
      const at = this.#buffer.indexOf('\r\n\r\n')
      if (at >= 0) {
        const [first = '', ...lines] = this.#buffer.subarray(0, at).toString(LATIN1).split('\r\n')
        this.#buffer = this.#buffer.subarray(at + 4)
        const headers = lines.map((line): [string, string] => {
          const colon = line.indexOf(':')
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
        })
        return { status: Number(first.split(' ')[1]), headers }
      }
      if (this.#closed)
        throw new Error(
          'the connection ended before an ' +
            `answer${this.#error === undefined ? '' : `: ${this.#error.message}`}`,
        )
      if (Date.now() >= end) throw new Error('no answer in time')
      await this.#more(end)
    }
  }

  async #body(
    head: { status: number; headers: [string, string][] },
    end: number,
  ): Promise<{ body: Uint8Array; complete: boolean }> {
    if (this.#method === 'HEAD' || head.status === 204 || head.status === 304)
      return { body: new Uint8Array(), complete: true }
    const header = (name: string): string | undefined => head.headers.find(([found]) => found === name)?.[1]
    if (header('transfer-encoding')?.includes('chunked') === true) return this.#chunks(end)
    const length = header('content-length')
    const size = length === undefined ? Infinity : Number(length)
    while (this.#buffer.length < size && !this.#closed && Date.now() < end) await this.#more(end)
    const body = new Uint8Array(this.#buffer.subarray(0, Math.min(size, this.#buffer.length)))
    return {
      body,
      complete: length === undefined ? this.#closed && this.#error === undefined : body.length === size,
    }
  }

  async #chunks(end: number): Promise<{ body: Uint8Array; complete: boolean }> {
    const parts: Buffer[] = []
    for (;;) {
      const line = this.#buffer.indexOf('\r\n')
      const size = line < 0 ? undefined : Number.parseInt(this.#buffer.subarray(0, line).toString(LATIN1), 16)
      if (size === 0) return { body: new Uint8Array(Buffer.concat(parts)), complete: true }
      if (size !== undefined && this.#buffer.length >= line + 2 + size + 2) {
        parts.push(this.#buffer.subarray(line + 2, line + 2 + size))
        this.#buffer = this.#buffer.subarray(line + 2 + size + 2)
        continue
      }
      if (this.#closed || Date.now() >= end)
        return { body: new Uint8Array(Buffer.concat(parts)), complete: false }
      await this.#more(end)
    }
  }

  async #more(end: number): Promise<void> {
    if (this.#closed) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, Math.max(1, end - Date.now()))
    })
    clearTimeout(timer)
  }
}

/** Connects to the HTTP server `origin` and sends the request's head, and its body if it has one. */
export async function openRaw(origin: string, request: RawRequest): Promise<RawConnection> {
  const url = new URL(origin)
  const secure = url.protocol === 'https:'
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  const socket = secure
    ? connectTls({ host: url.hostname, port, servername: url.hostname })
    : connectTcp({ host: url.hostname, port })
  await new Promise<void>((resolve, reject) => {
    socket.once(secure ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
  })
  const method = request.method ?? 'GET'
  const connection = new RawConnection(socket, method)
  const body =
    request.body === undefined
      ? undefined
      : typeof request.body === 'string'
        ? Buffer.from(request.body)
        : Buffer.from(request.body)
  const lines = [
    `${method} ${request.path} HTTP/1.1`,
    `Host: ${request.host ?? url.host}`,
    'Connection: close',
  ]
  if (request.chunked === true) lines.push('Transfer-Encoding: chunked')
  else if (body !== undefined) lines.push(`Content-Length: ${body.length}`)
  for (const [name, value] of request.headers ?? []) lines.push(`${name}: ${value}`)
  socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, LATIN1))
  if (body !== undefined) socket.write(body)
  return connection
}
