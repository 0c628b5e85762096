/** A WebSocket client for conformance cases, based on `ws`. Runs on Node, outside the target. */
import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'

/** Options of a client's WebSocket handshake. */
export interface SocketRequest {
  /** WebSocket subprotocols to offer. Default: none. */
  protocols?: readonly string[]
  headers?: Readonly<Record<string, string>>
}

/** HTTP answer of a refused WebSocket handshake. */
export interface RefusedSocket {
  status: number
  body: string
  headers: IncomingMessage['headers']
}

/** Seconds that a WebSocket message or a close may take: a guard against hanging, not a measure of speed. */
const PATIENCE = 60

/** One WebSocket connection of a conformance case. Messages are kept until the case reads them. */
export class SocketClient {
  /** Headers of the server's 101 answer to the WebSocket handshake. */
  readonly headers: IncomingMessage['headers']
  /** The WebSocket subprotocol that the server chose; empty for none. */
  readonly protocol: string
  /** Resolves to code and reason when the WebSocket is closed, whoever closed it. */
  readonly closed: Promise<{ code: number; reason: string }>
  #socket: WebSocket
  #messages: (string | Uint8Array)[] = []
  #wake: (() => void) | undefined
  #isClosed = false

  /** @internal */
  constructor(socket: WebSocket, headers: IncomingMessage['headers'], early: (string | Uint8Array)[]) {
    this.#socket = socket
    this.headers = headers
    this.protocol = socket.protocol
    this.#messages = early
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#isClosed = true
        this.#wake?.()
        resolve({ code, reason: reason.toString() })
      })
    })
  }

  /** Called when a WebSocket message has arrived. */
  received(): void {
    this.#wake?.()
  }

  /** Resolves to the next WebSocket message. Rejects if the socket closes before. */
  async next(): Promise<string | Uint8Array> {
    const end = Date.now() + PATIENCE * 1000
    for (;;) {
      const message = this.#messages.shift()
      if (message !== undefined) return message
      if (this.#isClosed) throw new Error('the socket closed before the message came')
      if (Date.now() >= end) throw new Error('no message came')
      await this.#more(end)
    }
  }

  /** Returns the WebSocket messages that have arrived and were not read. */
  waiting(): readonly (string | Uint8Array)[] {
    return this.#messages
  }

  send(message: string | Uint8Array): void {
    this.#socket.send(message)
  }

  /** Sends a command to the fixture app over the WebSocket and resolves to its answer. */
  async ask(op: string, input: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
    this.send(`!${JSON.stringify({ op, ...input })}`)
    const answer = await this.next()
    if (typeof answer !== 'string' || !answer.startsWith('!'))
      throw new Error(`"${op}" was answered by ${JSON.stringify(answer)}`)
    return JSON.parse(answer.slice(1)) as Record<string, unknown>
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason)
  }

  /** Ends the WebSocket's TCP connection without a close frame. */
  cut(): void {
    this.#socket.terminate()
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

/** Connects a WebSocket client; resolves to the HTTP answer if the target refused the handshake. */
export function connectSocket(
  origin: string,
  path: string,
  { protocols = [], headers = {} }: SocketRequest = {},
): Promise<SocketClient | RefusedSocket> {
  const url = new URL(path, origin.replace(/^http/, 'ws'))
  const socket = new WebSocket(url, [...protocols], {
    headers,
    perMessageDeflate: false,
    handshakeTimeout: PATIENCE * 1000,
  })
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage['headers'] = {}
    let client: SocketClient | undefined
    const messages: (string | Uint8Array)[] = []
    socket.on('message', (data, isBinary) => {
      messages.push(isBinary ? new Uint8Array(data as Buffer) : (data as Buffer).toString())
      client?.received()
    })
    socket.on('upgrade', (response) => (answer = response.headers))
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers })
        socket.terminate()
      })
    })
    socket.on('open', () => resolve((client = new SocketClient(socket, answer, messages))))
  })
}
