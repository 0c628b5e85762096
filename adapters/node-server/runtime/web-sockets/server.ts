/**
 * `unmoor/internal/node/sockets`: the sockets of an app in this process. Only entries of apps that declare
 * sockets import it.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type {
  SocketEvent,
  SocketTransport,
  SocketTransportFactory,
} from '../../../../core/bindings/socket-transport.ts'
import type { SocketsDeclaration } from '../../../../core/bindings/declarations.ts'
import type { SocketsDriver } from '../../../../core/bindings/sockets-driver.ts'
import { TICKET_PARAMETER } from '../../../../core/bindings/sockets.ts'
import { createContext, type OwnedContext } from '../../../../core/context.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { handlesSocketEvent, runSocketEvent } from '../../../../core/runtime/socket-events.ts'
import { isAllowedOrigin } from '../../../../core/runtime/socket-origin.ts'
import { type AppEvent, currentEvent, isNews, keepEvent, runEvent, waitUntilFailed } from '../events.ts'
import { AnswerLimit } from '../http/answer-limit.ts'
import { Exchange } from '../http/exchange.ts'
import type { HttpListener } from '../http/upgrades.ts'
import { beginUpgrade } from './begin-upgrade.ts'
import { SocketGroup } from './group.ts'
import type { HeldSocket } from './held-socket.ts'
import type { SocketQuota, SocketRuntime, SocketServer, SocketServerOptions } from './socket-server.ts'
import { asksForSocket, handshakeFault, Upgrade } from './upgrade.ts'

const PROCESS_BYTES = 9
/**
 * WebSockets that a stop of the server closes per millisecond, so that not all clients reconnect at once.
 * More are closed if the stop's time would not suffice.
 */
const CLOSES_PER_MS = 1
const TICK_MS = 10

/** Creates the WebSocket part of a server. */
export function createSocketServer(options: SocketServerOptions): SocketServer {
  return new Sockets(options)
}

/** One event of a WebSocket, such as a message; the app's handler runs as part of it. */
class SocketTurn implements AppEvent {
  readonly socket: HeldSocket
  readonly type: SocketEvent['type']
  /** Length of the WebSocket message of this event; 0 for other events. */
  readonly bytes: number
  /** Time at which the WebSocket event's handler was begun, in ticks of {@link AnswerLimit}. */
  begun = 0
  isOver = false

  constructor(socket: HeldSocket, event: SocketEvent) {
    this.socket = socket
    this.type = event.type
    this.bytes = event.type === 'message' ? event.message.length : 0
  }

  get name(): string {
    return `socket ${this.socket.group.binding} ${this.socket.id}, ${this.type}`
  }
}

class Sockets implements SocketServer {
  #groups: SocketGroup[] = []
  #process = randomBytes(PROCESS_BYTES).toString('base64url')
  #runtime: SocketRuntime | undefined
  #quota: SocketQuota | undefined
  #log: (message: string, error: unknown) => void
  #onBackground: ((work: Promise<unknown>) => void) | undefined
  #upgrades = new WeakMap<Request, Upgrade>()
  #limit: AnswerLimit<SocketTurn>
  #isStopping = false
  #stopped = new AbortController()
  #context = {
    signal: this.#stopped.signal,
    keep: keepEvent,
    onError: (error: unknown) => waitUntilFailed(error, this.#log),
  }
  /** Number of running WebSocket handlers, and of ended ones whose `waitUntil` work continues. */
  #busy = 0
  /** Called when a WebSocket or one of its handlers has ended, while the server stops. */
  #progress: (() => void) | undefined

  constructor({ wallTimeout, quota, log = onError, onBackground }: SocketServerOptions) {
    this.#quota = quota
    this.#log = log
    this.#onBackground = onBackground
    this.#limit = new AnswerLimit(wallTimeout, (turn) => {
      const text = `its ${turn.type} handler was still running after wallTimeout, ${wallTimeout} s`
      log(`${turn.name}:`, new UnmoorError('Timeout', `${text}: the socket is closed.`))
      this.#end(turn, true)
    })
  }

  readonly transport: SocketTransportFactory<SocketsDriver> = ({ binding, declaration }, driver) => {
    const group = new SocketGroup({
      binding,
      declaration,
      driver,
      process: this.#process,
      upgradeOf: (request) => this.#upgrades.get(request) ?? currentUpgrade(),
      isStopping: () => this.#isStopping,
      mayOpen: () => this.#mayOpen,
      run: (socket, event) => this.#run(socket, event),
      onError: this.#log,
      quota: this.#quota,
    })
    this.#groups.push(group)
    return group
  }

  transportOf(binding: string): SocketTransport | undefined {
    return this.#groups.find((group) => group.binding === binding)
  }

  async listen(runtime: SocketRuntime): Promise<void> {
    this.#runtime = runtime
    await Promise.all(this.#groups.map((group) => group.listen()))
  }

  get size(): number {
    return this.#groups.reduce((sum, { sockets }) => sum + sockets.size, 0)
  }

  get #mayOpen(): boolean {
    return this.#quota?.mayOpen(this.size) !== false
  }

  redeclare(binding: string, declaration: SocketsDeclaration): void {
    this.#groups.find((group) => group.binding === binding)?.redeclare(declaration)
  }

  drop(binding: string, reason: string): void {
    const index = this.#groups.findIndex((group) => group.binding === binding)
    const [group] = index < 0 ? [] : this.#groups.splice(index, 1)
    if (group === undefined) return
    for (const socket of group.sockets.values()) socket.closeWith(1012, reason)
    group.bus.close()
  }

  isUpgrade(incoming: IncomingMessage): boolean {
    return asksForSocket(incoming)
  }

  begin(incoming: IncomingMessage, socket: Duplex, head: Buffer, listener: HttpListener): void {
    beginUpgrade({ incoming, socket, head }, listener, () => !this.#isStopping)
  }

  admit(request: Request, app: () => Response | Promise<Response>): ReturnType<SocketServer['admit']> {
    const upgrade = currentUpgrade()
    if (upgrade === undefined) return undefined
    this.#upgrades.set(request, upgrade)
    const url = new URL(request.url)
    const group = this.#groups.find(({ declaration }) => declaration.path === url.pathname)
    if (group === undefined) return undefined
    if (this.#isStopping)
      return new Response('Service Unavailable: the server stops.', {
        status: 503,
        headers: { 'retry-after': '1' },
      })
    const fault = handshakeFault(upgrade.incoming)
    if (fault !== undefined) return fault
    if (!this.#mayOpen)
      return new Response('Service Unavailable: the app has its limit of sockets open.', {
        status: 503,
        headers: { 'retry-after': '1' },
      })
    const { declaration } = group
    const origin = upgrade.incoming.headers.origin
    if (origin !== undefined && !isAllowedOrigin(origin, url, declaration.origins))
      return new Response('Forbidden: pages of this origin may not connect.', { status: 403 })
    const id = declaration.tickets === true ? url.searchParams.get(TICKET_PARAMETER) : null
    return id === null ? app() : redeem(group, id, upgrade).then((refusal) => refusal ?? app())
  }

  async stop(seconds: number): Promise<boolean> {
    this.#isStopping = true
    const late = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => late.resolve('late'), seconds * 1000)
    const outcome = await Promise.race([this.#closeAll(seconds), late.promise])
    clearTimeout(timer)
    if (outcome === 'late') {
      this.#stopped.abort(
        new DOMException(
          `The server stops: sockets were open ${seconds} s after it was told to.`,
          'TimeoutError',
        ),
      )
      for (const socket of this.#all()) socket.terminate()
    }
    for (const { bus } of this.#groups) bus.close()
    return outcome !== 'late'
  }

  /** Closes every WebSocket, once its handlers are done or a third of the stop's time has passed. */
  async #closeAll(seconds: number): Promise<void> {
    const grace = performance.now() + (seconds * 1000) / 3
    const waiting = this.#all()
    for (const socket of waiting) if (socket.isOpen) socket.pause()
    const perTick = Math.max(
      CLOSES_PER_MS * TICK_MS,
      Math.ceil((waiting.length * TICK_MS * 3) / (seconds * 1000)),
    )
    while (waiting.length > 0) {
      const isLate = performance.now() >= grace
      let closed = 0
      for (let index = waiting.length - 1; index >= 0 && closed < perTick; index--) {
        const socket = waiting[index] as HeldSocket
        if (socket.running > 0 && !isLate) continue
        socket.closeWith(1012, 'the server stops')
        waiting.splice(index, 1)
        closed++
      }
      if (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, TICK_MS))
    }
    while (this.#busy > 0 || this.#groups.some(({ sockets }) => sockets.size > 0))
      await new Promise<void>((resolve) => (this.#progress = resolve))
  }

  #all(): HeldSocket[] {
    return this.#groups.flatMap(({ sockets }) => [...sockets.values()])
  }

  #run(socket: HeldSocket, event: SocketEvent): void {
    const runtime = this.#runtime as SocketRuntime
    if (handlesSocketEvent({ runtime, binding: socket.group.binding }, event.type)) {
      socket.running++
      this.#busy++
      const turn = new SocketTurn(socket, event)
      this.#quota?.hold(turn.bytes)
      runEvent(turn, start, this.#begin, event)
    } else this.#progress?.()
  }

  #tell = (message: string, error: unknown): void => {
    if (isNews(error)) this.#log(message, error)
  }

  /** Calls the app's handler of a WebSocket event, inside that event. */
  #begin = (turn: SocketTurn, event: SocketEvent): void => {
    const { socket } = turn
    const { binding } = socket.group
    const runtime = this.#runtime as SocketRuntime
    const ctx = createContext(this.#context)
    this.#limit.begin(turn)
    const done =
      runtime.socket?.(binding, socket, event, ctx) ??
      runSocketEvent({ runtime, binding, onError: this.#tell }, socket, event, ctx)
    void done.then((result) => this.#finish(turn, ctx, result))
  }

  async #finish(turn: SocketTurn, ctx: OwnedContext, result: { error?: unknown }): Promise<void> {
    // A WebSocket event's `waitUntil` work is counted before its handler is counted as ended, so that a stop
    // does not miss the work.
    this.#busy++
    this.#end(turn, 'error' in result)
    ctx.ended()
    if (ctx.pending > 0) {
      const work = ctx.settled()
      this.#onBackground?.(work)
      await work
    }
    this.#busy--
    this.#progress?.()
  }

  /** Ends a WebSocket event: its handler is done, or has exceeded `wallTimeout`. */
  #end(turn: SocketTurn, failed: boolean): void {
    if (turn.isOver) return
    turn.isOver = true
    this.#limit.end(turn)
    this.#quota?.release(turn.bytes)
    const { socket } = turn
    if (failed) socket.closeWith(1011, 'the server failed')
    socket.group.handled(socket)
    this.#busy--
    this.#progress?.()
  }
}

function start(begin: (turn: SocketTurn, event: SocketEvent) => void, event: SocketEvent): void {
  begin(currentEvent() as SocketTurn, event)
}

function currentUpgrade(): Upgrade | undefined {
  const event = currentEvent()
  return event instanceof Exchange && event.upgrade instanceof Upgrade ? event.upgrade : undefined
}

async function redeem(group: SocketGroup, id: string, upgrade: Upgrade): Promise<Response | undefined> {
  const value = await group.takeTicket(id)
  if (value === null)
    return new Response('Unauthorized: the ticket was used, has expired or never was.', { status: 401 })
  upgrade.ticket = value
  return undefined
}

function onError(message: string, error: unknown): void {
  console.error(message, error)
}
