import type { SocketsDriver } from '../../../../core/bindings/sockets-driver.ts'
import type { SocketMessage } from '../../../../core/bindings/socket-transport.ts'
import { socketGone } from '../../../../core/bindings/sockets.ts'
import { errorFromJSON, isUnmoorError, type SerializedError, UnmoorError } from '../../../../core/errors.ts'

/** A command that one process sends to the process that holds a WebSocket. */
export type SocketCommand =
  | { readonly op: 'send'; readonly id: string; readonly message: SocketMessage }
  | { readonly op: 'close'; readonly id: string; readonly code: number; readonly reason: string }

/** Operations on this process's WebSockets that other processes may call. */
export interface LocalSockets {
  /** Runs a command on a WebSocket. @throws `NotFound` for a socket that this process does not hold. */
  run(command: SocketCommand): void
  publish(topic: string, message: SocketMessage): void
}

type Wire =
  | { readonly from: string; readonly topic: string; readonly message: WireMessage }
  | { readonly from: string; readonly call: number; readonly command: WireCommand }
  | { readonly answer: number; readonly error?: SerializedError }

/**
 * A WebSocket message encoded for another process: text as a string, bytes as base64. Text that JSON escapes
 * would make much longer is sent as base64 too.
 */
type WireMessage = string | { readonly base64: string; readonly isText?: true }
type WireCommand =
  | { readonly op: 'send'; readonly id: string; readonly message: WireMessage }
  | Extract<SocketCommand, { op: 'close' }>

/** Characters of a WebSocket message that JSON escapes as two to six characters. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const ESCAPED = /["\\\u0000-\u001f]/g

/** Milliseconds that another process has to answer a command for a WebSocket. */
const PATIENCE = 10_000

interface Waiting {
  resolve(): void
  reject(error: unknown): void
  timer: NodeJS.Timeout
}

/**
 * Exchanges messages with the other processes that hold WebSockets of one binding, over the binding's driver.
 */
export class Bus {
  #driver: SocketsDriver
  #process: string
  #local: LocalSockets
  #onError: (message: string, error: unknown) => void
  #calls = new Map<number, Waiting>()
  #lastCall = 0

  constructor(
    driver: SocketsDriver,
    process: string,
    local: LocalSockets,
    onError: (message: string, error: unknown) => void,
  ) {
    this.#driver = driver
    this.#process = process
    this.#local = local
    this.#onError = onError
  }

  listen(): Promise<void> {
    return this.#driver.listen(this.#process, (text) => this.#receive(text))
  }

  /** Publishes a message to the WebSockets that other processes hold. */
  async publish(topic: string, message: SocketMessage): Promise<void> {
    if (this.#driver.isAlone === true) return
    await this.#driver.broadcast(encode({ from: this.#process, topic, message: toWire(message) }))
  }

  /**
   * Sends a command to the process that holds the WebSocket. Resolves when that process has run the command.
   */
  async run(process: string, command: SocketCommand): Promise<void> {
    const call = ++this.#lastCall
    const answered = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(call)
        reject(
          new UnmoorError(
            'Unavailable',
            `The process that holds socket "${command.id}" did not answer in ${PATIENCE / 1000} s.`,
            { mayHaveApplied: true },
          ),
        )
      }, PATIENCE)
      this.#calls.set(call, { resolve, reject, timer })
    })
    // If sending the socket command to another process throws below, nobody awaits `answered`: its rejection
    // is handled here.
    answered.catch(() => {})
    try {
      const wire: WireCommand =
        command.op === 'send' ? { ...command, message: toWire(command.message) } : command
      const text = encode({ from: this.#process, call, command: wire })
      if (!(await this.#driver.send(process, text))) throw socketGone(command.id)
    } catch (error) {
      clearTimeout(this.#calls.get(call)?.timer)
      this.#calls.delete(call)
      throw error
    }
    await answered
  }

  /** Rejects the socket commands that wait for an answer of another process. */
  close(): void {
    for (const waiting of this.#calls.values()) {
      clearTimeout(waiting.timer)
      waiting.reject(new UnmoorError('Unavailable', 'The server stops.', { mayHaveApplied: true }))
    }
    this.#calls.clear()
  }

  #receive(text: string): void {
    try {
      const wire = JSON.parse(text) as Wire
      if ('topic' in wire) {
        if (wire.from !== this.#process) this.#local.publish(wire.topic, fromWire(wire.message))
      } else if ('command' in wire) this.#answer(wire)
      else {
        const waiting = this.#calls.get(wire.answer)
        if (waiting === undefined) return
        this.#calls.delete(wire.answer)
        clearTimeout(waiting.timer)
        if (wire.error === undefined) waiting.resolve()
        else waiting.reject(errorFromJSON(wire.error))
      }
    } catch (error) {
      this.#onError('sockets: a message of another process could not be read:', error)
    }
  }

  #answer({ from, call, command }: Extract<Wire, { call: number }>): void {
    let error: SerializedError | undefined
    try {
      this.#local.run(command.op === 'send' ? { ...command, message: fromWire(command.message) } : command)
    } catch (thrown) {
      error = isUnmoorError(thrown)
        ? thrown.toJSON()
        : new UnmoorError('Internal', String(thrown), { cause: thrown }).toJSON()
    }
    const text = encode({ answer: call, ...(error === undefined ? {} : { error }) })
    this.#driver.send(from, text).catch((failed: unknown) => {
      this.#onError('sockets: an answer to another process could not be sent:', failed)
    })
  }
}

function encode(wire: Wire): string {
  return JSON.stringify(wire)
}

function toWire(message: SocketMessage): WireMessage {
  if (typeof message !== 'string') return { base64: Buffer.from(message).toString('base64') }
  const escaped = message.match(ESCAPED)?.length ?? 0
  return escaped * 8 < message.length
    ? message
    : { base64: Buffer.from(message).toString('base64'), isText: true }
}

function fromWire(message: WireMessage): SocketMessage {
  if (typeof message === 'string') return message
  const bytes = Buffer.from(message.base64, 'base64')
  return message.isText === true ? bytes.toString() : new Uint8Array(bytes)
}
