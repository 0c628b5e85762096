import type { SocketsDeclaration } from '../../../../core/bindings/declarations.ts'
import { utf8Length } from '../../../../core/bindings/bytes.ts'
import type { SocketEvent, SocketMessage } from '../../../../core/bindings/socket-transport.ts'
import { isUnmoorError } from '../../../../core/errors.ts'
import { SOCKET_LIMITS } from '../../../../core/limits.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import { handlesSocketEvent, runSocketEvent } from '../../../../core/runtime/socket-events.ts'
import { WorkerContext } from '../context.ts'
import { HOLD_HEADER } from './driver.ts'
import { type HeldSocket, HeldSockets, type KeptSocket } from './held-sockets.ts'
import type { NativeSocket, NativeSocketsState, SocketGlobals, SocketsObjectMethods } from './native.ts'
import { Tickets } from './tickets.ts'

type Base = abstract new (state: NativeSocketsState, env: unknown) => object

/** Creates the app's runtime for a Durable Object, over the WebSockets that the object holds. */
export type StartObject = (env: Readonly<Record<string, unknown>>, held: HeldSockets) => Promise<Runtime>

/** Handlers of the sockets Durable Object that Cloudflare calls, besides the RPC methods. */
interface SocketsObject extends SocketsObjectMethods {
  fetch(request: Request): Response
  webSocketMessage(native: NativeSocket, message: string | ArrayBuffer): Promise<void>
  webSocketClose(native: NativeSocket, code: number, reason: string, clean: boolean): Promise<void>
  webSocketError(native: NativeSocket, error: unknown): Promise<void>
}

/**
 * Creates the Durable Object class that holds WebSockets: the sockets of one binding whose ids have the same
 * shard number. The class runs the app's handlers. The generated entry exports it; `base` is the platform's
 * `DurableObject`.
 */
export function createSocketsObject(
  base: Base,
  start: StartObject,
): new (state: NativeSocketsState, env: Readonly<Record<string, unknown>>) => SocketsObject {
  return class extends base implements SocketsObject {
    #held: HeldSockets
    #tickets: Tickets
    #events: ObjectEvents | undefined

    constructor(state: NativeSocketsState, env: Readonly<Record<string, unknown>>) {
      super(state, env)
      this.#held = new HeldSockets(state)
      this.#tickets = new Tickets(state.storage.sql)
      // WebSocket events queue in order until the runtime has started, so that handlers start in order too.
      void state.blockConcurrencyWhile(async () => {
        this.#events = new ObjectEvents(state, this.#held, await start(env, this.#held))
      })
    }

    /** Upgrades to a WebSocket the connection of a client that the app has accepted. */
    fetch(request: Request): Response {
      const kept = JSON.parse(request.headers.get(HOLD_HEADER) ?? '{}') as KeptSocket
      const { WebSocketPair } = globalThis as typeof globalThis & SocketGlobals
      const { 0: client, 1: server } = new WebSocketPair()
      ;(this.#events as ObjectEvents).accept(server, kept)
      return new Response(null, { status: 101, webSocket: client } as ResponseInit)
    }

    webSocketMessage(native: NativeSocket, message: string | ArrayBuffer): Promise<void> {
      return (this.#events as ObjectEvents).received(native, message)
    }

    webSocketClose(native: NativeSocket, code: number, reason: string, clean: boolean): Promise<void> {
      return (this.#events as ObjectEvents).closed(native, { type: 'close', code, reason, clean })
    }

    webSocketError(native: NativeSocket): Promise<void> {
      return (this.#events as ObjectEvents).closed(native, {
        type: 'close',
        code: 1006,
        reason: '',
        clean: false,
      })
    }

    async send(id: string, message: SocketMessage): Promise<boolean> {
      return ifOpen(() => this.#held.open(id).send(message))
    }

    async close(id: string, code: number, reason: string): Promise<boolean> {
      return ifOpen(() => {
        this.#held.open(id).closeWith(code, reason)
        return true
      })
    }

    async publish(topic: string, message: SocketMessage): Promise<void> {
      this.#held.publish(topic, message)
    }

    async saveTicket(...ticket: Parameters<SocketsObjectMethods['saveTicket']>): Promise<void> {
      this.#tickets.save(...ticket)
    }

    async takeTicket(id: string, now: number): Promise<string | null> {
      return this.#tickets.take(id, now)
    }
  }
}

/** Turns a Durable Object's error `NotFound` into false, because an error loses its code over RPC. */
function ifOpen(work: () => boolean): boolean {
  try {
    return work()
  } catch (error) {
    if (isUnmoorError(error) && error.code === 'NotFound') return false
    throw error
  }
}

/** Runs the app's handlers for the events of a Durable Object's WebSockets. */
class ObjectEvents {
  #state: NativeSocketsState
  #held: HeldSockets
  #runtime: Runtime

  constructor(state: NativeSocketsState, held: HeldSockets, runtime: Runtime) {
    this.#state = state
    this.#held = held
    this.#runtime = runtime
  }

  accept(server: NativeSocket, kept: KeptSocket): void {
    const { autoResponse } = this.#declaration(kept.binding)
    const { WebSocketRequestResponsePair } = globalThis as typeof globalThis & SocketGlobals
    if (autoResponse !== undefined)
      this.#state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(...autoResponse))
    // Messages of a WebSocket client wait until the `open` event has ended; messages that `open` sends wait
    // until the client has the response.
    this.#state.waitUntil(this.#run(this.#held.accept(server, kept), { type: 'open' }))
  }

  async received(native: NativeSocket, received: string | ArrayBuffer): Promise<void> {
    const held = this.#held.of(native)
    if (!held.isOpen) return
    const { binary, largeMessages } = this.#declaration(held.kept.binding)
    const isText = typeof received === 'string'
    if (!isText && binary !== true) return held.closeWith(1003, 'this socket takes text only')
    const size = isText ? utf8Length(received) : received.byteLength
    if (size > SOCKET_LIMITS[largeMessages === true ? 'sockets.largeMessage' : 'sockets.message'])
      return held.closeWith(1009, 'the message is too large')
    await this.#run(held, { type: 'message', message: isText ? received : new Uint8Array(received) })
  }

  async closed(native: NativeSocket, event: Extract<SocketEvent, { type: 'close' }>): Promise<void> {
    const held = this.#held.of(native)
    const { closing } = held.kept
    if (closing === undefined) answerClose(native, event)
    if (!this.#held.end(held)) return
    // A WebSocket's close reason with code 1006 is Cloudflare's own text, not the client's, and is dropped.
    const [code, reason] = closing ?? [event.code, event.code === 1006 ? '' : event.reason]
    await this.#run(held, { ...event, code, reason })
  }

  async #run(held: HeldSocket, event: SocketEvent): Promise<void> {
    const options = { runtime: this.#runtime, binding: held.kept.binding, onError: logError }
    if (!handlesSocketEvent(options, event.type)) return
    const ctx = new WorkerContext({
      waitUntil: (promise) => this.#state.waitUntil(promise),
      passThroughOnException() {},
    })
    const result = await runSocketEvent(options, held, event, ctx)
    ctx.answered()
    if ('error' in result) held.closeWith(1011, 'the server failed')
  }

  #declaration(binding: string): SocketsDeclaration {
    return this.#runtime.app.bindings[binding] as SocketsDeclaration
  }
}

/**
 * Answers a WebSocket client's close frame; workerd does so itself only if the Durable Object was not evicted
 * meanwhile.
 */
function answerClose(native: NativeSocket, { code, reason }: { code: number; reason: string }): void {
  try {
    if (code === 1005) native.close()
    else native.close(code, reason)
  } catch {
    // The WebSocket's close frame needs no answer: workerd has answered it, or the connection was cut (1006).
  }
}

function logError(message: string, error: unknown): void {
  console.error(message, error)
}
