/**
 * Connections behind the WebSockets of an existing Worker in an isolate. The isolate's code has the sockets
 * (`guest/worker-sockets.ts`); this process has the network (`adapters/node-server/runtime/worker-sockets`).
 */
import { End, type Frame } from '../../../core/compat/workers/web-sockets/end.ts'
import type { Handshake, HandshakeAnswer } from '../../../core/compat/workers/web-sockets/platform.ts'
import type { SocketQuota } from '../../node-server/runtime/web-sockets/socket-server.ts'
import { pairs, responseToGuest } from './codec.ts'
import { ownBytes, type StreamTable } from './streams.ts'

/** The part of the process that opens an app's connections to WebSocket servers. */
export interface WebSocketHost {
  /** Opens a connection of the app to a server. Rejects if the app may not, or if it fails. */
  connect(handshake: Handshake): Promise<HandshakeAnswer>
  /** Limits on the app's WebSockets. Default: none. */
  readonly quota?: SocketQuota | undefined
  /** Called when a message goes into the isolate. Default: no call. */
  readonly onBegin?: (() => void) | undefined
  /** Called once for each such message: when the isolate has taken it, or never will. Default: no call. */
  readonly onEnd?: (() => void) | undefined
}

/**
 * Messages and bytes of one connection on their way into the isolate above which reading from the network
 * pauses. Reading goes on at half of them.
 */
const MAX_INTO = 100
const MAX_INTO_BYTES = 4 * 1024 * 1024
/** Bytes that an isolate may send to a connection that is not open yet, as its answer is still on its way. */
const MAX_EARLY = 1024 * 1024
/** Handshakes with servers that one isolate may have under way. */
const MAX_HANDSHAKES = 64

type Send = (...message: [string, ...unknown[]]) => void

/** Connection of one WebSocket of the isolate's code. */
interface Joined {
  /** The isolate's end of the connection; its peer is the network's. */
  readonly end: End
  /** Sizes of the messages that the isolate has not taken yet, oldest first. */
  readonly into: number[]
  bytes: number
  early: number
  /** True if the isolate asked to pause reading. */
  isSlow: boolean
  isPaused: boolean
}

const ends = new WeakMap<Response, End>()

/** Returns the network's end of the WebSocket that a response of an isolate hands to the client. */
export function endOfResponse(response: Response): End | undefined {
  return ends.get(response)
}

/**
 * The WebSocket connections of one isolate, by the ids that its code gave them. Every argument is data that a
 * tenant may have made up.
 */
export class GuestWebSockets {
  #send: Send
  #host: WebSocketHost
  #streams: StreamTable
  #joined = new Map<number, Joined>()
  #handshakes = new Map<number, AbortController>()

  constructor(send: Send, host: WebSocketHost, streams: StreamTable) {
    this.#send = send
    this.#host = host
    this.#streams = streams
  }

  /**
   * Opens the isolate's side of a WebSocket that an answer hands to a client. Either {@link respond} or
   * {@link drop} follows. @throws TypeError for an id that is in use or no number.
   */
  open(id: unknown): void {
    const [own] = End.pair()
    this.#join(this.#newId(id), own)
  }

  /**
   * Creates the response that hands the isolate's WebSocket to a client. @throws TypeError for an id that is
   * not open.
   */
  respond(id: unknown, headers: unknown): Response {
    const joined = this.#joined.get(id as number)
    if (joined === undefined) throw new TypeError('The WebSocket of the answer is not open.')
    const response = new Response(null, { headers: pairs(headers) })
    ends.set(response, joined.end.peer)
    return response
  }

  /** Cuts a WebSocket that cannot be handed to a client. */
  drop(id: unknown): void {
    const joined = this.#joined.get(id as number)
    if (joined === undefined) return
    this.#cut(id as number, joined)
    this.#send('webSocket', id, 'cut', false)
  }

  /** Opens a connection to a server, and returns its answer as it crosses the bridge. */
  async connect(given: unknown, data: unknown): Promise<unknown> {
    const id = this.#newId(given)
    if (this.#handshakes.size >= MAX_HANDSHAKES)
      throw new TypeError(`The WebSocket was not opened: ${MAX_HANDSHAKES} handshakes are under way.`)
    const { url, headers, protocols } = (data ?? {}) as Record<string, unknown>
    const controller = new AbortController()
    this.#handshakes.set(id, controller)
    try {
      const answer = await this.#host.connect({
        url: String(url),
        headers: new Headers(pairs(headers)),
        protocols: Array.isArray(protocols) ? protocols.map(String) : [],
        signal: controller.signal,
      })
      if ('response' in answer) return { response: responseToGuest(answer.response, this.#streams) }
      // The isolate ended, or gave the handshake up, as the connection was opened.
      if (controller.signal.aborted) answer.end.write({ type: 'cut' })
      else this.#join(id, answer.end)
      return { headers: [...answer.headers].flat(), protocol: answer.protocol }
    } finally {
      this.#handshakes.delete(id)
    }
  }

  #newId(id: unknown): number {
    if (!Number.isSafeInteger(id)) throw new TypeError('A WebSocket has a number.')
    if (this.#joined.has(id as number) || this.#handshakes.has(id as number))
      throw new TypeError(`The WebSocket ${String(id)} is open already.`)
    return id as number
  }

  /** Handles a message of the isolate's code about one of its WebSockets. */
  handle(id: unknown, type: unknown, a: unknown, b: unknown): void {
    const joined = this.#joined.get(id as number)
    if (joined === undefined) {
      if (type === 'cut') this.#handshakes.get(id as number)?.abort(new Error('The handshake was given up.'))
      return
    }
    const { end } = joined
    switch (type) {
      case 'took':
        return this.#took(joined)
      case 'pause':
        joined.isSlow = a === true
        return this.#steer(joined)
      case 'message':
        if (typeof a !== 'string' && !(a instanceof Uint8Array)) return this.#cut(id as number, joined)
        if (!end.peer.isTaken && (joined.early += a.length) > MAX_EARLY)
          return this.#cut(id as number, joined)
        return end.write({ type: 'message', data: a as string | Uint8Array<ArrayBuffer> })
      case 'close':
        return end.write({ type: 'close', code: Number(a), reason: typeof b === 'string' ? b : '' })
      default:
        return this.#cut(id as number, joined)
    }
  }

  #cut(id: number, joined: Joined): void {
    const { end } = joined
    this.#forget(id, joined)
    end.isCut = true
    end.write({ type: 'cut' })
  }

  #join(id: number, end: End): void {
    const joined: Joined = { end, into: [], bytes: 0, early: 0, isSlow: false, isPaused: false }
    this.#joined.set(id, joined)
    end.onGone = () => {
      if (this.#joined.get(id) !== joined) return
      this.#forget(id, joined)
      this.#send('webSocket', id, 'gone')
    }
    end.receive((frame) => this.#receive(id, joined, frame), true)
  }

  #receive(id: number, joined: Joined, frame: Frame): void {
    if (this.#joined.get(id) !== joined) return
    switch (frame.type) {
      case 'message': {
        const { data } = frame
        const size = typeof data === 'string' ? data.length : data.byteLength
        joined.into.push(size)
        joined.bytes += size
        this.#host.quota?.hold(size)
        this.#host.onBegin?.()
        this.#send('webSocket', id, 'message', typeof data === 'string' ? data : ownBytes(data))
        return this.#steer(joined)
      }
      case 'close':
        return this.#send('webSocket', id, 'close', frame.code, frame.reason)
      case 'cut':
        this.#forget(id, joined)
        return this.#send('webSocket', id, 'cut', frame.isLost === true)
      case 'failed':
        this.#forget(id, joined)
        return this.#send('webSocket', id, 'failed', frame.error.message)
    }
  }

  #took(joined: Joined): void {
    const size = joined.into.shift()
    if (size === undefined) return
    joined.bytes -= size
    this.#host.quota?.release(size)
    this.#host.onEnd?.()
    this.#steer(joined)
  }

  /** Pauses reading from the network while the isolate is behind, and resumes it. */
  #steer(joined: Joined): void {
    const { into, bytes, isSlow, isPaused } = joined
    const part = isPaused ? 2 : 1
    const isFull = into.length > MAX_INTO / part || bytes > MAX_INTO_BYTES / part
    if (isPaused === (isSlow || isFull)) return
    joined.isPaused = !isPaused
    joined.end.peer.pause?.(!isPaused)
  }

  #forget(id: number, joined: Joined): void {
    this.#joined.delete(id)
    this.#host.quota?.release(joined.bytes)
    joined.bytes = 0
    for (let left = joined.into.splice(0).length; left > 0; left--) this.#host.onEnd?.()
  }

  /** Cuts all connections of the isolate, because the isolate has ended. */
  close(): void {
    for (const [id, joined] of this.#joined) {
      this.#forget(id, joined)
      joined.end.write({ type: 'cut' })
    }
    for (const controller of this.#handshakes.values()) controller.abort(new Error('The isolate has ended.'))
  }
}
