/** `WebSocket` as workerd has it: https://developers.cloudflare.com/workers/runtime-apis/websockets/ */
import { currentLife } from '../durable/gate.ts'
import { state } from '../state.ts'
import { checkClose } from './close-arguments.ts'
import { autoReplyToClose, standardBinaryType } from './compatibility.ts'
import type { End, Frame } from './end.ts'
import { connectSocket } from './outbound.ts'
import { type HandshakeDone, platform } from './platform.ts'

type Listener = EventListenerOrEventListenerObject
/**
 * Receiver of a WebSocket's frames: none yet (`new`, `connecting`), the Worker's listeners (`accepted`), a
 * Durable Object's handlers (`hibernating`), or a client (`coupled`).
 */
type Mode = 'new' | 'accepted' | 'hibernating' | 'coupled' | 'connecting'

const NOT_ACCEPTED =
  'You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.'
const LOST = 'Network connection lost.'
/** Close reason that is reported for a WebSocket cut without a close frame. */
export const CUT = 'WebSocket disconnected without sending Close frame.'
const TYPES = ['open', 'message', 'close', 'error'] as const
const MAX_ATTACHMENT = 16_384

let socketOf: (end: End, mode: Mode) => WebSocket
let endOf: (socket: WebSocket) => End | undefined
let setMode: (socket: WebSocket, mode: Mode) => void
let modeOf: (socket: WebSocket) => Mode
let isSocket: (value: unknown) => value is WebSocket

/** Constructor argument that marks internal calls of the WebSocket constructor. */
class Internal {
  readonly end: End
  readonly mode: Mode
  constructor(end: End, mode: Mode) {
    this.end = end
    this.mode = mode
  }
}

export class WebSocket extends EventTarget {
  #end: End | undefined
  #mode: Mode = 'new'
  #failed = false
  #url: string | null = null
  #protocol: string | null = ''
  #extensions: string | null = ''
  #binaryType: 'blob' | 'arraybuffer' = standardBinaryType() ? 'blob' : 'arraybuffer'
  #wrapped = new WeakMap<object, (event: Event) => void>()
  #thrown: { error: unknown } | undefined
  #release: (() => void) | undefined
  #isHalfOpen = false

  static {
    socketOf = (end, mode) => new WebSocket(new Internal(end, mode) as never)
    endOf = (socket) => socket.#end
    setMode = (socket, mode) => (socket.#mode = mode)
    modeOf = (socket) => socket.#mode
    isSocket = (value): value is WebSocket => typeof value === 'object' && value !== null && #end in value
  }

  constructor(...args: [url: string | URL, protocols?: string | string[]]) {
    super()
    for (const type of TYPES) super.addEventListener(type, (event) => this.#callProperty(type, event))
    const [given, protocols] = args as [unknown, (string | string[])?]
    if (given instanceof Internal) {
      this.#end = given.end
      this.#mode = given.mode
      return
    }
    if (args.length < 1)
      throw new TypeError("Failed to construct 'WebSocket': constructor parameter 1 is not of type 'string'.")
    this.#mode = 'connecting'
    const { url, answer } = connectSocket(String(given), protocols)
    this.#url = url
    this.#connect(answer)
  }

  get readyState(): number {
    const end = this.#end
    if (end === undefined) return this.#failed ? 3 : 0
    if (end.isCut || (end.sentClose && end.receivedClose)) return 3
    return end.sentClose || end.receivedClose ? 2 : 1
  }

  get bufferedAmount(): number {
    return 0
  }

  get url(): string | null {
    return this.#url
  }

  get protocol(): string | null {
    return this.#protocol
  }

  get extensions(): string | null {
    return this.#extensions
  }

  get binaryType(): 'blob' | 'arraybuffer' {
    return this.#binaryType
  }

  set binaryType(type: string) {
    if (type === 'blob' || type === 'arraybuffer') this.#binaryType = type
  }

  /**
   * WebSocket's `accept`: starts receiving frames from the other end. With `allowHalfOpen` the Worker answers
   * a close frame itself, at any compatibility date.
   */
  accept(options?: { allowHalfOpen?: boolean }): void {
    if (this.#mode === 'connecting' || this.#url !== null)
      throw new TypeError("Websockets obtained from the 'new WebSocket()' constructor cannot call accept")
    if (this.#mode === 'hibernating')
      throw new TypeError("Can't accept() WebSocket after enabling hibernation.")
    if (this.#mode === 'coupled')
      throw new TypeError("Can't accept() WebSocket that was already used in a response.")
    if (this.#mode !== 'new') return
    this.#isHalfOpen = options?.allowHalfOpen === true
    this.#begin()
  }

  send(...args: [message: string | ArrayBuffer | ArrayBufferView]): void {
    if (args.length < 1)
      throw new TypeError(
        "Failed to execute 'send' on 'WebSocket': parameter 1 is not of type 'ArrayBuffer or " +
          "ArrayBufferView or string'.",
      )
    const end = this.#usable()
    if (end === undefined) return
    if (end.sentClose) throw new TypeError("Can't call WebSocket send() after close().")
    end.write({ type: 'message', data: copyOf(args[0]) })
  }

  close(code?: number, reason?: string): void {
    if (this.#mode === 'connecting' && this.#end === undefined) {
      checkClose(code, reason)
      this.#failed = true
      return
    }
    const end = this.#usable()
    if (end === undefined || end.sentClose) return
    const frame = checkClose(code, reason)
    end.sentClose = true
    end.write({ type: 'close', ...frame })
    if (end.receivedClose) this.#release?.()
  }

  /**
   * Stores a value with the WebSocket connection, also during hibernation. @throws if it is over 16,384
   * bytes.
   */
  serializeAttachment(...args: [value: unknown]): void {
    if (args.length < 1)
      throw new TypeError(
        "Failed to execute 'serializeAttachment' on 'WebSocket': parameter 1 is not of type 'Value'.",
      )
    const bytes = platform().serialize(args[0])
    if (bytes.byteLength > MAX_ATTACHMENT)
      throw new Error(
        `A WebSocket 'attachment' cannot be larger than ${MAX_ATTACHMENT} bytes.'attachment' was ` +
          `${bytes.byteLength} bytes.`,
      )
    if (this.#end !== undefined) this.#end.attachment = bytes
  }

  deserializeAttachment(): unknown {
    const bytes = this.#end?.attachment
    return bytes === undefined ? null : platform().deserialize(bytes)
  }

  override addEventListener(
    type: string,
    listener: Listener | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    if (listener !== null) super.addEventListener(type, this.#wrap(listener), options)
  }

  override removeEventListener(
    type: string,
    listener: Listener | null,
    options?: EventListenerOptions | boolean,
  ): void {
    if (listener !== null) super.removeEventListener(type, this.#wrap(listener), options)
  }

  get [Symbol.toStringTag](): string {
    return 'WebSocket'
  }

  #usable(): End | undefined {
    if (this.#mode === 'new' || this.#mode === 'coupled' || this.#end === undefined)
      throw new TypeError(NOT_ACCEPTED)
    return this.#end.isCut ? undefined : this.#end
  }

  #begin(): void {
    this.#mode = 'accepted'
    // A Durable Object with an accepted, not hibernating, WebSocket stays in memory, as on Cloudflare.
    const life = currentLife()
    if (life !== undefined) this.#release = life.hold()
    const section = state.sections?.getStore()
    const receive = (frame: Frame): void => this.#receive(frame)
    this.#end?.receive((frame) =>
      section === undefined ? receive(frame) : state.sections?.run(section, () => receive(frame)),
    )
  }

  #connect(answer: Promise<HandshakeDone>): void {
    answer.then(
      ({ end, protocol }) => {
        this.#end = end
        if (this.#failed) return this.close()
        this.#protocol = protocol === '' ? null : protocol
        this.#extensions = null
        this.#dispatch(new Event('open'))
        this.#begin()
      },
      (error: unknown) => {
        this.#failed = true
        this.#dispatch(errorEvent(error))
        this.#dispatch(closeEvent(1006, 'Failed to establish websocket connection', false))
      },
    )
  }

  #receive(frame: Frame): void {
    const end = this.#end as End
    if (frame.type === 'message')
      return this.#dispatch(new MessageEvent('message', { data: this.#dataOf(frame.data) }))
    if (frame.type === 'close') {
      const { code, reason } = frame
      if (autoReplyToClose() && !this.#isHalfOpen && !end.sentClose) {
        end.sentClose = true
        end.write(frame)
      }
      this.#dispatch(closeEvent(code, reason, true))
    } else if (frame.type === 'failed') {
      // As in workerd, no close event follows the error event of a broken protocol.
      this.#dispatch(errorEvent(frame.error))
    } else {
      if (frame.isLost === true) this.#dispatch(errorEvent(new Error(LOST)))
      this.#dispatch(closeEvent(1006, CUT, false))
    }
    if (end.isCut || end.sentClose) this.#release?.()
  }

  #dataOf(data: string | Uint8Array<ArrayBuffer>): string | Blob | ArrayBuffer {
    if (typeof data === 'string') return data
    return this.#binaryType === 'blob' ? new Blob([data]) : bufferOf(data)
  }

  /**
   * Dispatches a WebSocket's event to its listeners. A listener that throws ends the connection, as in
   * workerd.
   */
  #dispatch(event: Event): void {
    this.#thrown = undefined
    super.dispatchEvent(event)
    const thrown = this.#thrown as { error: unknown } | undefined
    if (thrown === undefined) return
    console.error('A listener of a WebSocket failed:', thrown.error)
    const end = this.#end
    if (end === undefined || end.isCut) return
    end.isCut = true
    end.write({ type: 'cut', isLost: true })
    this.#release?.()
    if (event.type !== 'error') this.#dispatch(errorEvent(thrown.error))
  }

  #callProperty(type: string, event: Event): void {
    const handler = Reflect.get(this, `on${type}`) as unknown
    if (typeof handler === 'function') this.#call(handler.bind(this) as (event: Event) => unknown, event)
  }

  #wrap(listener: Listener): (event: Event) => void {
    let wrapped = this.#wrapped.get(listener)
    if (wrapped === undefined) {
      wrapped = (event) =>
        this.#call(
          typeof listener === 'function' ? listener.bind(this) : (one) => listener.handleEvent(one),
          event,
        )
      this.#wrapped.set(listener, wrapped)
    }
    return wrapped
  }

  #call(listener: (event: Event) => unknown, event: Event): void {
    try {
      listener(event)
    } catch (error) {
      this.#thrown ??= { error }
      event.stopImmediatePropagation()
    }
  }
}

const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 }
for (const [name, value] of Object.entries(STATES))
  for (const holder of [WebSocket, WebSocket.prototype])
    for (const key of [name, `READY_STATE_${name}`])
      Object.defineProperty(holder, key, { value, enumerable: true })

/** Creates a Worker's WebSocket over one end of a connection. */
export function createWebSocket(end: End, mode: Mode = 'new'): WebSocket {
  return socketOf(end, mode)
}

export function isWebSocket(value: unknown): value is WebSocket {
  return isSocket(value)
}

/** Returns a WebSocket's end of its connection; undefined while it connects. */
export function socketEnd(socket: WebSocket): End | undefined {
  return endOf(socket)
}

/**
 * True if the WebSocket was accepted (by accept() or for hibernation), returned to a client, or opened by
 * `new WebSocket`.
 */
export function isAccepted(socket: WebSocket): boolean {
  return modeOf(socket) !== 'new'
}

/** Routes a WebSocket's frames to the handlers of a Durable Object. */
export function hibernate(socket: WebSocket): void {
  setMode(socket, 'hibernating')
}

/**
 * Returns the connection end of a WebSocket that the Worker returns to a client. @throws `TypeError` for a
 * socket that the Worker has accepted itself.
 */
export function coupleSocket(socket: WebSocket): End {
  const end = endOf(socket)
  if (end === undefined || modeOf(socket) !== 'new' || end.isTaken)
    throw new TypeError("Can't return WebSocket in a Response after calling accept().")
  setMode(socket, 'coupled')
  return end
}

/** Returns a WebSocket message's bytes as an ArrayBuffer of exactly their length. */
export function bufferOf(data: Uint8Array<ArrayBuffer>): ArrayBuffer {
  return data.byteLength === data.buffer.byteLength
    ? data.buffer
    : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
}

/** Copies a WebSocket message to send, as the sender may reuse its bytes. */
function copyOf(message: unknown): string | Uint8Array<ArrayBuffer> {
  if (message instanceof ArrayBuffer) return new Uint8Array(message.slice(0))
  if (!ArrayBuffer.isView(message)) return String(message).toWellFormed()
  const { buffer, byteOffset, byteLength } = message
  return new Uint8Array(buffer, byteOffset, byteLength).slice()
}

function closeEvent(code: number, reason: string, wasClean: boolean): Event {
  return new CloseEvent('close', { code, reason, wasClean })
}

function errorEvent(error: unknown): Event {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new ErrorEvent('error', { message: `Uncaught ${text}`, error })
}
