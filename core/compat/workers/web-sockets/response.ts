/** The property `webSocket` of a Response: the WebSocket that the response hands to its receiver. */
import { extendGlobal } from '../extend-global.ts'
import { isWebSocket, type WebSocket } from './web-socket.ts'

const sockets = new WeakMap<object, WebSocket>()

/** Returns the WebSocket of a Response; undefined if it has none. */
export function webSocketOf(response: object): WebSocket | undefined {
  return sockets.get(response)
}

/** Extends Response so that `new Response(null, { status: 101, webSocket })` carries a WebSocket. */
export function extendResponse(): void {
  extendGlobal('Response', {
    prepare(args) {
      const [body, init] = args as [unknown, Record<string, unknown> | undefined | null]
      const socket = socketIn(init)
      if (socket === undefined) return args
      if (Number(init?.['status'] ?? 200) !== 101)
        throw new RangeError('Responses with a WebSocket must have status code 101.')
      if (body !== undefined && body !== null)
        throw new TypeError('Response with null body status (101, 204, 205, or 304) cannot have a body.')
      const headers = init?.['headers']
      return [null, headers === undefined ? {} : { headers }]
    },
    made(response, [, init]) {
      const socket = socketIn(init)
      if (socket !== undefined) attach(response, socket)
    },
    cloned() {},
  })
  defineGetter(globalThis.Response.prototype)
}

/** Creates the response of a successful WebSocket handshake with a server. */
export function createHandshakeResponse(socket: WebSocket, headers: Headers): Response {
  const response = new Response(null, { headers })
  attach(response, socket)
  Object.defineProperty(response, 'statusText', { value: 'Switching Protocols', configurable: true })
  return response
}

/**
 * Defines the property `webSocket` on a class of responses; it is null for a response without a WebSocket.
 */
export function defineGetter(prototype: object): void {
  if (Object.hasOwn(prototype, 'webSocket')) return
  Object.defineProperty(prototype, 'webSocket', {
    get(this: object) {
      return sockets.get(this) ?? null
    },
    configurable: true,
    enumerable: true,
  })
}

function socketIn(init: unknown): WebSocket | undefined {
  const value = (init as { webSocket?: unknown } | null | undefined)?.webSocket
  if (value === undefined || value === null) return undefined
  if (isWebSocket(value)) return value
  throw new TypeError(
    "Incorrect type for the 'webSocket' field on 'InitializerDict': the provided value is not of type " +
      "'WebSocket'.",
  )
}

function attach(response: object, socket: WebSocket): void {
  sockets.set(response, socket)
  const clone = (): never => {
    throw new TypeError('Cannot clone a response to a WebSocket handshake.')
  }
  Object.defineProperties(response, {
    status: { value: 101, configurable: true },
    ok: { value: false, configurable: true },
    clone: { value: clone, configurable: true },
  })
}
