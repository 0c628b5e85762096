/** WebSocket hibernation: WebSockets of a Durable Object stay open while the object is evicted. */
import { wrongArgument } from '../coerce.ts'
import { evictIdle, runInObject } from '../durable/namespace.ts'
import type { End, Frame } from './end.ts'
import type { Hibernation, ObjectKey } from './hooks.ts'
import { WebSocketRequestResponsePair } from './pair.ts'
import {
  bufferOf,
  createWebSocket,
  CUT,
  hibernate,
  isAccepted,
  isWebSocket,
  socketEnd,
  type WebSocket,
} from './web-socket.ts'

const MAX_TAGS = 10
const MAX_TAG = 256
const MAX_SOCKETS = 32_768
const MAX_AUTO = 2048
const MAX_TIMEOUT = 604_800_000
/** Milliseconds without an event after which a Durable Object with sockets is evicted, as on Cloudflare. */
const IDLE = 10_000
const LOOK = 2000
/**
 * Number of messages of one WebSocket, waiting or being handled, above which reading from the client pauses
 * (backpressure).
 */
const PENDING = 100

/** A WebSocket that a Durable Object has accepted for hibernation. */
interface Held {
  readonly end: End
  readonly tags: readonly string[]
  readonly object: ObjectSockets
  autoAt: number | undefined
  /** Settles once the handler of the WebSocket's previous message has begun. */
  started: Promise<void>
  pending: number
  /**
   * The WebSocket instance of the Durable Object that is in memory; a new one is created after an eviction.
   */
  view: { readonly of: ObjectKey; readonly socket: WebSocket } | undefined
}

/** The hibernatable WebSockets of one Durable Object. */
class ObjectSockets {
  readonly key: string
  readonly sockets = new Set<Held>()
  auto: WebSocketRequestResponsePair | null = null
  timeout: number | null = null

  constructor(key: string) {
    this.key = key
  }
}

const objects = new Map<string, ObjectSockets>()
const heldBy = new WeakMap<End, Held>()

export const hibernation: Hibernation = {
  accept(state: ObjectKey, args: readonly unknown[]): void {
    const [socket, given] = args
    if (!isWebSocket(socket)) throw wrongArgument('DurableObjectState', 'acceptWebSocket', 1, 'WebSocket')
    if (given !== undefined && !Array.isArray(given))
      throw wrongArgument('DurableObjectState', 'acceptWebSocket', 2, 'Array')
    const end = socketEnd(socket)
    if (isAccepted(socket) || end === undefined)
      throw new Error('Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`')
    const tags = checkTags(given ?? [])
    const object = objects.get(state.key) ?? new ObjectSockets(state.key)
    if (object.sockets.size >= MAX_SOCKETS)
      throw new Error(`only ${MAX_SOCKETS} websockets can be accepted on a single Durable Object instance`)
    objects.set(state.key, object)
    hibernate(socket)
    const held: Held = {
      end,
      tags,
      object,
      autoAt: undefined,
      started: Promise.resolve(),
      pending: 0,
      view: { of: state, socket },
    }
    object.sockets.add(held)
    heldBy.set(end, held)
    end.receive((frame) => receive(held, frame))
    look()
  },

  sockets(state: ObjectKey, tag: unknown): WebSocket[] {
    const all = [...(objects.get(state.key)?.sockets ?? [])]
    const found = tag === undefined ? all : all.filter(({ tags }) => tags.includes(String(tag as string)))
    return found.map((held) => viewOf(held, state))
  },

  tags(state: ObjectKey, socket: unknown): string[] {
    if (!isWebSocket(socket)) throw wrongArgument('DurableObjectState', 'getTags', 1, 'WebSocket')
    const held = find(state, socket)
    if (held === undefined)
      throw new Error(
        "you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.",
      )
    return [...held.tags]
  },

  setAuto(state: ObjectKey, pair: unknown): void {
    if (pair !== undefined && pair !== null && !WebSocketRequestResponsePair.isPair(pair))
      throw wrongArgument('DurableObjectState', 'setWebSocketAutoResponse', 1, 'WebSocketRequestResponsePair')
    for (const [name, key] of [
      ['Request', 'request'],
      ['Response', 'response'],
    ] as const) {
      const size = pair == null ? 0 : new TextEncoder().encode(pair[key]).byteLength
      if (size > MAX_AUTO)
        throw new RangeError(
          `${name} cannot be larger than ${MAX_AUTO} bytes. A ${key} of size ${size} was provided.`,
        )
    }
    settings(state).auto = pair ?? null
  },

  auto(state: ObjectKey): WebSocketRequestResponsePair | null {
    return objects.get(state.key)?.auto ?? null
  },

  autoAt(state: ObjectKey, socket: unknown): Date | null {
    if (!isWebSocket(socket))
      throw wrongArgument('DurableObjectState', 'getWebSocketAutoResponseTimestamp', 1, 'WebSocket')
    const at = find(state, socket)?.autoAt
    return at === undefined ? null : new Date(at)
  },

  setTimeout(state: ObjectKey, milliseconds: unknown): void {
    if (milliseconds === undefined) return void (settings(state).timeout = null)
    const value = Math.trunc(Number(milliseconds)) || 0
    if (value < 0)
      throw new TypeError(
        'The value cannot be converted because it is negative and this API expects a positive number.',
      )
    if (value > MAX_TIMEOUT) throw new Error(`Event timeout should not exceed ${MAX_TIMEOUT} ms.`)
    settings(state).timeout = value
  },

  timeout(state: ObjectKey): number | null {
    return objects.get(state.key)?.timeout ?? null
  },

  /** Cuts the WebSocket connections of a Durable Object that was reset. */
  reset(key: string): void {
    for (const held of objects.get(key)?.sockets ?? []) cut(held.end)
    objects.delete(key)
  },
}

function settings(state: ObjectKey): ObjectSockets {
  const object = objects.get(state.key) ?? new ObjectSockets(state.key)
  objects.set(state.key, object)
  return object
}

function find(state: ObjectKey, socket: WebSocket): Held | undefined {
  const end = socketEnd(socket)
  const held = end === undefined ? undefined : heldBy.get(end)
  return held?.object.key === state.key && held.object.sockets.has(held) ? held : undefined
}

function viewOf(held: Held, state: ObjectKey): WebSocket {
  if (held.view?.of !== state) {
    const socket = createWebSocket(held.end, 'hibernating')
    // Binary WebSocket messages arrive as an ArrayBuffer in hibernation handlers, at any compatibility date.
    held.view = { of: state, socket }
  }
  return held.view.socket
}

function cut(end: End): void {
  if (end.isCut) return
  end.isCut = true
  end.write({ type: 'cut' })
}

function receive(held: Held, frame: Frame): void {
  const { auto } = held.object
  if (frame.type === 'message' && auto !== null && frame.data === auto.request) {
    held.autoAt = Date.now()
    held.end.write({ type: 'message', data: auto.response })
    return
  }
  held.pending++
  if (held.pending > PENDING) held.end.peer.pause?.(true)
  const begun = Promise.withResolvers<undefined>()
  const before = held.started
  held.started = begun.promise
  // Handlers of a WebSocket begin in the order of its messages and interleave where they await, as on
  // Cloudflare.
  void before
    .then(() => handle(held, frame, () => begun.resolve(undefined)))
    .catch((error: unknown) => console.error(`A WebSocket of the object ${held.object.key} failed:`, error))
    .finally(() => {
      begun.resolve(undefined)
      held.pending--
      if (held.pending <= PENDING / 2) held.end.peer.pause?.(false)
      if (frame.type !== 'message') forget(held)
    })
}

async function handle(held: Held, frame: Frame, onBegin: () => void): Promise<void> {
  const { key } = held.object
  const call = (object: Record<string, unknown>, state: ObjectKey): unknown => {
    onBegin()
    const [name, args] = eventOf(frame)
    const handler = object[name]
    if (typeof handler !== 'function') return undefined
    return (handler as (...all: unknown[]) => unknown).call(object, viewOf(held, state), ...args)
  }
  // During its close handler a WebSocket still belongs to the Durable Object, whatever ended the connection.
  await runInObject(key, call)
  look()
}

function eventOf(frame: Frame): [name: string, args: readonly unknown[]] {
  switch (frame.type) {
    case 'message':
      return ['webSocketMessage', [typeof frame.data === 'string' ? frame.data : bufferOf(frame.data)]]
    case 'close':
      return ['webSocketClose', [frame.code, frame.reason, true]]
    case 'cut':
      return ['webSocketClose', [1006, CUT, false]]
    case 'failed':
      return ['webSocketError', [frame.error]]
  }
}

function forget(held: Held): void {
  const { object } = held
  object.sockets.delete(held)
  if (object.sockets.size === 0 && object.auto === null && object.timeout === null) objects.delete(object.key)
}

let timer: ReturnType<typeof setTimeout> | undefined

/** Periodically evicts idle Durable Objects, until no object with WebSockets is in memory. */
function look(): void {
  timer ??= setTimeout(() => {
    timer = undefined
    let isAnyThere = false
    for (const [key, { sockets }] of objects)
      if (sockets.size > 0 && evictIdle(key, IDLE) === 'stays') isAnyThere = true
    if (isAnyThere) look()
  }, LOOK)
}

function checkTags(given: readonly unknown[]): string[] {
  const tags = [...new Set(given.map(String))]
  if (tags.length > MAX_TAGS)
    throw new Error(`a Hibernatable WebSocket cannot have more than ${MAX_TAGS} tags`)
  for (const tag of tags)
    if (new TextEncoder().encode(tag).byteLength > MAX_TAG)
      throw new Error(`"${tag}" is longer than the max tag length (${MAX_TAG} characters).`)
  return tags
}
