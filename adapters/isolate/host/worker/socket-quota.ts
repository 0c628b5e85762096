import type { SocketMessage } from '../../../../core/bindings/socket-transport.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import type { MeteredSocket, SocketQuota } from '../../../node-server/runtime/web-sockets/socket-server.ts'
import type { AppLimits, LimitName } from '../limits.ts'
import type { UsageMeter } from './usage-meter.ts'

/** Milliseconds between two checks whether paused WebSockets may be read again. */
const LOOK_MS = 50
/** Maximum number of WebSocket frames in one read of the network: 64 KB of empty frames, pings among them. */
const FRAMES_PER_READ = 11_000
/**
 * Milliseconds in which further hits of one WebSocket limit are not counted, so that a flood counts once a
 * second.
 */
const HIT_MS = 1000

/** Limits and usage meter of the app's current version; undefined once the app is gone. */
export type CurrentBill = () => { limits: AppLimits; bill: UsageMeter } | undefined

/** Token bucket for WebSocket messages: a number of tokens per second, and as many at once. */
class Rate {
  #left = 0
  #at = Number.NEGATIVE_INFINITY

  /**
   * Returns the number of tokens left in the bucket for messages; negative if more were taken than available.
   */
  left(perSecond: number): number {
    const now = performance.now()
    this.#left = Math.min(perSecond, this.#left + ((now - this.#at) / 1000) * perSecond)
    this.#at = now
    return this.#left
  }

  take(): void {
    this.#left--
  }
}

/**
 * Limits what the sockets of one app use in this process. Messages that arrive too fast are not lost: reading
 * from their sockets pauses, which clients notice as backpressure.
 */
export class TenantSocketQuota implements SocketQuota {
  #current: CurrentBill
  #arrivals = new Rate()
  #sends = new Rate()
  /**
   * WebSocket messages received and not yet answered. An app may answer each, however many arrived at once.
   */
  #unanswered = 0
  #held = new Set<MeteredSocket>()
  #timer: NodeJS.Timeout | undefined
  /** Bytes of WebSocket messages whose handlers are running, and of messages that wait to be written. */
  #bytes = 0
  #hits = new Map<LimitName, number>()

  constructor(current: CurrentBill) {
    this.#current = current
  }

  get messageBytes(): number {
    return this.#current()?.limits.socketMessageBytes ?? 0
  }

  mayOpen(open: number): boolean {
    if (open < (this.#current()?.limits.openSockets ?? 0)) return true
    this.#hit('openSockets')
    return false
  }

  arrived(socket: MeteredSocket, bytes: number): boolean {
    const current = this.#current()
    if (current === undefined) return true
    const { limits, bill } = current
    bill.usage.socketMessages++
    bill.usage.bytesIn += bytes
    this.#unanswered = Math.min(this.#unanswered + 1, limits.socketMessages + FRAMES_PER_READ)
    if (!this.#count(socket, limits)) return false
    if (this.#bytes + bytes <= limits.socketBufferBytes) return true
    this.#hit('socketBufferBytes')
    this.#hold(socket)
    return true
  }

  pinged(socket: MeteredSocket): void {
    const current = this.#current()
    if (current !== undefined) this.#count(socket, current.limits)
  }

  /** Takes a frame from the budget of messages; returns false if the socket was closed for its flood. */
  #count(socket: MeteredSocket, { socketMessages }: AppLimits): boolean {
    const left = this.#arrivals.left(socketMessages) - 1
    this.#arrivals.take()
    if (left >= 0) return true
    this.#hit('socketMessages')
    // WebSocket frames that were already read still arrive after the pause. They make the budget of messages
    // negative; reading resumes once it has recovered.
    if (left < -socketMessages - FRAMES_PER_READ) {
      socket.closeWith(1008, 'too many messages')
      return false
    }
    this.#hold(socket)
    return true
  }

  holds(socket: MeteredSocket): boolean {
    return this.#held.has(socket)
  }

  forget(socket: MeteredSocket): void {
    this.#held.delete(socket)
  }

  hold(bytes: number): void {
    this.#bytes += bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }

  sends(message: SocketMessage): void {
    const current = this.#current()
    if (current === undefined) return
    const { socketMessageBytes: max, socketMessages: perSecond } = current.limits
    const size = typeof message === 'string' ? Buffer.byteLength(message) : message.byteLength
    if (size > max)
      throw this.#refuse('LimitExceeded', 'socketMessageBytes', `a message of ${size} bytes`, max)
    if (this.#unanswered > 0) {
      this.#unanswered--
      return
    }
    if (this.#sends.left(perSecond) < 1)
      throw this.#refuse('Throttled', 'socketMessages', 'one more message in this second', perSecond)
    this.#sends.take()
  }

  mayBuffer(bytes: number): boolean {
    if (this.#bytes + bytes <= (this.#current()?.limits.socketBufferBytes ?? 0)) return true
    this.#hit('socketBufferBytes')
    return false
  }

  writing(bytes: number): () => void {
    const usage = this.#current()?.bill.usage
    if (usage !== undefined) {
      usage.socketMessages++
      usage.bytesOut += bytes
    }
    this.#bytes += bytes
    return () => void (this.#bytes -= bytes)
  }

  #refuse(code: 'LimitExceeded' | 'Throttled', limit: LimitName, what: string, max: number): UnmoorError {
    this.#hit(limit)
    return new UnmoorError(
      code,
      `${what} is over the app's limit of ${limit}, ${max}. To raise it: limits.${limit}.`,
      { details: { limit, max } },
    )
  }

  #hold(socket: MeteredSocket): void {
    this.#held.add(socket)
    if (!socket.isPaused) socket.pause()
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
  }

  #look(): void {
    const limits = this.#current()?.limits
    const mayRead =
      limits === undefined ||
      (this.#arrivals.left(limits.socketMessages) >= 1 && this.#bytes <= limits.socketBufferBytes / 2)
    if (mayRead) {
      const held = [...this.#held]
      this.#held.clear()
      for (const socket of held) if (socket.isOpen) socket.resume()
    }
    if (this.#held.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #hit(limit: LimitName): void {
    const now = performance.now()
    if (now - (this.#hits.get(limit) ?? Number.NEGATIVE_INFINITY) < HIT_MS) return
    this.#hits.set(limit, now)
    this.#current()?.bill.hit(limit)
  }
}
