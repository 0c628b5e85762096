/** A WebSocket client over a bare TCP socket, which sends frames exactly as given. Runs on Node. */
import { randomBytes } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** A WebSocket frame to send; the defaults make a whole text message. */
export interface RawFrame {
  /** Type of the WebSocket frame: 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. Default: 1. */
  opcode?: number
  payload?: Uint8Array | string
  /** True for the last frame of a WebSocket message. Default: true. */
  fin?: boolean
  /** If true, the frame's payload is masked, as RFC 6455 requires of clients. Default: true. */
  masked?: boolean
  /** The three reserved bits of the WebSocket frame. Default: 0. */
  reserved?: number
}

const PATIENCE = 60

/** Returns the bytes of a WebSocket frame. */
export function frameBytes({
  opcode = 1,
  payload = '',
  fin = true,
  masked = true,
  reserved = 0,
}: RawFrame): Buffer {
  const body = Buffer.from(payload as Uint8Array)
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  const mask = masked ? 0x80 : 0
  let head: Buffer
  if (body.length < 126) head = Buffer.from([first, mask | body.length])
  else if (body.length < 65_536) {
    head = Buffer.from([first, mask | 126, 0, 0])
    head.writeUInt16BE(body.length, 2)
  } else {
    head = Buffer.alloc(10)
    head.set([first, mask | 127])
    head.writeBigUInt64BE(BigInt(body.length), 2)
  }
  if (!masked) return Buffer.concat([head, body])
  const key = randomBytes(4)
  return Buffer.concat([head, key, body.map((byte, index) => byte ^ (key[index % 4] as number))])
}

/** A WebSocket frame that was received. */
export interface ReceivedFrame {
  opcode: number
  payload: Buffer
}

/** One WebSocket connection over a bare TCP socket. */
export class RawSocket {
  /** Head of the server's answer to the WebSocket handshake, once received. */
  head = ''
  #socket: Socket
  #buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (data: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, data])
      this.#wake?.()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake?.()
    })
  }

  send(...frames: readonly RawFrame[]): void {
    this.#socket.write(Buffer.concat(frames.map(frameBytes)))
  }

  /** Sends bytes unchanged over the WebSocket's TCP connection. */
  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Closes the sending side of the WebSocket's TCP connection. */
  finish(): void {
    this.#socket.end()
  }

  /** Stops reading from the WebSocket's TCP connection until {@link resume}. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Ends the WebSocket's connection with a TCP reset. */
  cut(): void {
    this.#socket.resetAndDestroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Resolves to the next WebSocket frame; undefined at the end of the connection. */
  async next(): Promise<ReceivedFrame | undefined> {
    const end = Date.now() + PATIENCE * 1000
    for (;;) {
      const frame = this.#take()
      if (frame !== undefined) return frame
      if (this.#isClosed) return undefined
      if (Date.now() >= end) throw new Error('no frame came')
      await this.#more(end)
    }
  }

  /** Skips other WebSocket frames and resolves to the code of the close frame; undefined if none comes. */
  async closeCode(): Promise<number | undefined> {
    for (;;) {
      const frame = await this.next()
      if (frame === undefined) return undefined
      if (frame.opcode === 8) return frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0)
    }
  }

  /** Resolves to the status of the answer to the WebSocket handshake; the data after it is frames. */
  async handshake(): Promise<number> {
    const end = Date.now() + PATIENCE * 1000
    for (;;) {
      const at = this.#buffer.indexOf('\r\n\r\n')
      if (at >= 0) {
        this.head = this.#buffer.subarray(0, at).toString('latin1')
        this.#buffer = this.#buffer.subarray(at + 4)
        return Number(this.head.split(' ')[1])
      }
      if (this.#isClosed || Date.now() >= end) throw new Error('the handshake was not answered')
      await this.#more(end)
    }
  }

  #take(): ReceivedFrame | undefined {
    const buffer = this.#buffer
    if (buffer.length < 2) return undefined
    const short = (buffer[1] as number) & 0x7f
    const head = short < 126 ? 2 : short === 126 ? 4 : 10
    if (buffer.length < head) return undefined
    const length =
      short < 126 ? short : short === 126 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2))
    if (buffer.length < head + length) return undefined
    this.#buffer = buffer.subarray(head + length)
    return { opcode: (buffer[0] as number) & 0x0f, payload: buffer.subarray(head, head + length) }
  }

  async #more(end: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, Math.max(1, end - Date.now()))
    })
    clearTimeout(timer)
  }
}

/** Connects to `origin` and sends the WebSocket handshake; `headers` override its own. */
export async function openRawSocket(
  origin: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawSocket> {
  const url = new URL(origin)
  const isSecure = url.protocol === 'https:'
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port)
  const socket = isSecure
    ? connectTls({ host: url.hostname, port, servername: url.hostname })
    : connectTcp({ host: url.hostname, port })
  await new Promise<void>((resolve, reject) => {
    socket.once(isSecure ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
  })
  const fields = {
    Host: url.host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  return new RawSocket(socket)
}
