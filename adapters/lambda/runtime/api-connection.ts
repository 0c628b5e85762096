import process from 'node:process'
import type { Socket } from 'node:net'
import { AnswerReader, type ApiAnswer } from './api-answer.ts'

const net = process.getBuiltinModule('node:net')
const READ_SIZE = 65_536

/**
 * One connection to the Runtime API, which runs one exchange after another. node:http's client costs more CPU
 * time per invocation than all the rest of a small event (test/bench: lambda.invoke), mostly for features
 * that this API never uses. Streamed answers use node:http (runtime-client.ts).
 */
export class ApiConnection {
  readonly #host: string
  readonly #port: number
  #socket: Socket | undefined
  #reader = new AnswerReader()
  #exchange: PromiseWithResolvers<ApiAnswer> | undefined

  constructor(host: string, port: number) {
    this.#host = host
    this.#port = port
  }

  /** True if the last exchange left the Runtime API connection open. */
  get open(): boolean {
    return this.#socket !== undefined
  }

  /**
   * Sends a request to the Runtime API: its head, with the blank line, and its body. Rejects if no answer
   * arrives. Only one request may be under way.
   */
  send(message: string, encoding: 'latin1' | 'utf8'): Promise<ApiAnswer> {
    const exchange = (this.#exchange = Promise.withResolvers<ApiAnswer>())
    this.#reader = new AnswerReader()
    this.#socket ??= this.#connect()
    this.#socket.write(message, encoding)
    return exchange.promise
  }

  /** Closes the Runtime API connection, which ends the exchange under way. */
  destroy(): void {
    this.#socket?.destroy()
  }

  #connect(): Socket {
    const socket = net.connect({
      host: this.#host,
      port: this.#port,
      noDelay: true,
      // A fixed read buffer of the Runtime API's socket avoids the overhead of streams.
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_SIZE),
        callback: (size, buffer) => {
          this.#read(socket, (buffer as Buffer).subarray(0, size))
          return true
        },
      },
    })
    socket.on('error', (error) => this.#fail(socket, error))
    socket.on('end', () => this.#ended(socket))
    socket.on('close', () => this.#ended(socket))
    return socket
  }

  #read(socket: Socket, bytes: Buffer): void {
    try {
      // An answer without a request means that the Runtime API connection is out of step.
      if (this.#exchange === undefined) throw new TypeError('it answered what was not asked')
      this.#reader.feed(bytes)
      const { answer, reusable } = this.#reader
      if (answer === undefined) return
      if (!reusable) this.#drop(socket)
      this.#settle()?.resolve(answer)
    } catch (error) {
      this.#fail(socket, error as Error)
    }
  }

  #ended(socket: Socket): void {
    if (this.#socket !== socket) return
    this.#drop(socket)
    if (this.#exchange === undefined) return
    const answer = this.#reader.end()
    if (answer === undefined) this.#settle()?.reject(new Error('it closed the connection without an answer'))
    else this.#settle()?.resolve(answer)
  }

  #fail(socket: Socket, error: Error): void {
    if (this.#socket !== socket) return
    this.#drop(socket)
    const answer = this.#exchange === undefined ? undefined : this.#reader.end()
    // The headers arrived, so the Runtime API has received the call; only the body of the answer is lost.
    if (answer !== undefined && !(error instanceof TypeError)) this.#settle()?.resolve(answer)
    else this.#settle()?.reject(error)
  }

  #settle(): PromiseWithResolvers<ApiAnswer> | undefined {
    const exchange = this.#exchange
    this.#exchange = undefined
    return exchange
  }

  #drop(socket: Socket): void {
    this.#socket = undefined
    socket.destroy()
  }
}
