/**
 * `unmoor/internal/node/sockets`: the sockets of an app in this process. Only entries of apps that declare
 * sockets import it.
 */
import { randomBytes } from 'node:crypto'
import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SocketEvent, SocketTransportFactory } from '../../../../core/bindings/socket-transport.ts'
import type { SocketsDriver } from '../../../../core/bindings/sockets-driver.ts'
import { TICKET_PARAMETER } from '../../../../core/bindings/sockets.ts'
import { createContext, type OwnedContext } from '../../../../core/context.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import { handlesSocketEvent, runSocketEvent } from '../../../../core/runtime/socket-events.ts'
import { isAllowedOrigin } from '../../../../core/runtime/socket-origin.ts'
import { type AppEvent, currentEvent, isNews, keepEvent, runEvent, waitUntilFailed } from '../events.ts'
import { AnswerLimit } from '../http/answer-limit.ts'
import { Exchange, refuseLate } from '../http/exchange.ts'
import type { HttpListener } from '../http/upgrades.ts'
import { SocketGroup } from './group.ts'
import type { HeldSocket } from './held-socket.ts'
import type { SocketServer } from './socket-server.ts'
import { asksForSocket, handshakeFault, hasBody, Upgrade } from './upgrade.ts'

const PROCESS_BYTES = 9
/** Sockets that a stop closes per millisecond at most, so that not all clients come back at once. */
const CLOSES_PER_MS = 1
const TICK_MS = 10

/** Makes the sockets' part of a server. `wallTimeout`: seconds that a handler of a socket may take. */
export function createSocketServer(options: { readonly wallTimeout: number }): SocketServer {
  return new Sockets(options.wallTimeout)
}

/** One event of a socket, as the event that the app's code runs for. */
class SocketTurn implements AppEvent {
  readonly socket: HeldSocket
  readonly type: SocketEvent['type']
  /** When it was begun, by the clock of {@link AnswerLimit}. */
  begun = 0
  isOver = false

  constructor(socket: HeldSocket, type: SocketEvent['type']) {
    this.socket = socket
    this.type = type
  }

  get name(): string {
    return `socket ${this.socket.group.binding} ${this.socket.id}, ${this.type}`
  }
}

class Sockets implements SocketServer {
  #groups: SocketGroup[] = []
  #process = randomBytes(PROCESS_BYTES).toString('base64url')
  #runtime: Runtime | undefined
  #upgrades = new WeakMap<Request, Upgrade>()
  #limit: AnswerLimit<SocketTurn>
  #isStopping = false
  #stopped = new AbortController()
  #context = {
    signal: this.#stopped.signal,
    keep: keepEvent,
    onError: (error: unknown) => waitUntilFailed(error),
  }
  /** Handlers, and those whose `waitUntil` work goes on. */
  #busy = 0
  /** Told when a handler or a socket has ended, while the server stops. */
  #progress: (() => void) | undefined

  constructor(wallTimeout: number) {
    this.#limit = new AnswerLimit(wallTimeout, (turn) => {
      const text = `its ${turn.type} handler was still running after wallTimeout, ${wallTimeout} s`
      onError(`${turn.name}:`, new UnmoorError('Timeout', `${text}: the socket is closed.`))
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
      run: (socket, event) => this.#run(socket, event),
      onError,
    })
    this.#groups.push(group)
    return group
  }

  async listen(runtime: Runtime): Promise<void> {
    this.#runtime = runtime
    await Promise.all(this.#groups.map(({ bus }) => bus.listen()))
  }

  isUpgrade(incoming: IncomingMessage): boolean {
    return asksForSocket(incoming)
  }

  begin(incoming: IncomingMessage, socket: Duplex, head: Buffer, listener: HttpListener): void {
    const outgoing = new ServerResponse(incoming)
    // What a client sends behind its request is no HTTP any more.
    outgoing.shouldKeepAlive = false
    socket.on('error', ignore)
    const connection = socket as Socket
    try {
      outgoing.assignSocket(connection)
    } catch {
      // An answer to an earlier request is still on its way: nobody may mix the two up.
      socket.destroy()
      return
    }
    const drain = (): void => void outgoing.emit('drain')
    connection.on('drain', drain)
    const detach = (): void => {
      connection.off('drain', drain)
      outgoing.detachSocket(connection)
    }
    outgoing.once('finish', () => {
      detach()
      connection.destroySoon()
    })
    if (asksForSocket(incoming)) {
      const isStopping = (): boolean => this.#isStopping
      listener(incoming, outgoing, new Upgrade({ incoming, socket, head, isStopping, detach }))
      return
    }
    // Node before 24.9 hands over every Upgrade, and has not read a body then.
    if (hasBody(incoming)) refuseLate(outgoing, 501, 'Not Implemented: an Upgrade with a body')
    else listener(incoming, outgoing)
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

  /** Closes every socket, once its handlers are done or a third of the time is over. */
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
    const runtime = this.#runtime as Runtime
    if (handlesSocketEvent({ runtime, binding: socket.group.binding }, event.type)) {
      socket.running++
      this.#busy++
      runEvent(new SocketTurn(socket, event.type), start, this.#begin, event)
    } else this.#progress?.()
  }

  /** Within the event. */
  #begin = (turn: SocketTurn, event: SocketEvent): void => {
    const { socket } = turn
    const ctx = createContext(this.#context)
    const options = { runtime: this.#runtime as Runtime, binding: socket.group.binding, onError: tell }
    this.#limit.begin(turn)
    void runSocketEvent(options, socket, event, ctx).then((result) => this.#finish(turn, ctx, result))
  }

  async #finish(turn: SocketTurn, ctx: OwnedContext, result: { error?: unknown }): Promise<void> {
    // Before the end of the handler, so that a stop does not miss what goes on.
    this.#busy++
    this.#end(turn, 'error' in result)
    ctx.ended()
    if (ctx.pending > 0) await ctx.settled()
    this.#busy--
    this.#progress?.()
  }

  /** The handler is done, or has taken too long. */
  #end(turn: SocketTurn, failed: boolean): void {
    if (turn.isOver) return
    turn.isOver = true
    this.#limit.end(turn)
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

function tell(message: string, error: unknown): void {
  if (isNews(error)) onError(message, error)
}

function onError(message: string, error: unknown): void {
  console.error(message, error)
}

function ignore(): void {}
