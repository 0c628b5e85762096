/**
 * `unmoor/internal/workers/isolate-web-sockets`: the WebSockets of an existing Worker in an isolate. The
 * engine's process has the connections (`services/web-sockets.ts`); frames cross the bridge. A build bundles
 * this module only if the Worker names a WebSocket global, or `webSocket` of a response.
 */
import { End, type Frame, type Serialized } from '../../../core/compat/workers/web-sockets/end.ts'
import { installWebSockets } from '../../../core/compat/workers/web-sockets/install.ts'
import type { Handshake, HandshakeAnswer } from '../../../core/compat/workers/web-sockets/platform.ts'
import { webSocketOf } from '../../../core/compat/workers/web-sockets/response.ts'
import { coupleSocket } from '../../../core/compat/workers/web-sockets/web-socket.ts'
import type { GuestUpgrades } from './guest-sockets.ts'
import { link } from './link.ts'
import { serializedSize } from './serialized-size.ts'

export { WebSocketPair, WebSocketRequestResponsePair } from '../../../core/compat/workers/web-sockets/pair.ts'
export { WebSocket } from '../../../core/compat/workers/web-sockets/web-socket.ts'

/** Text by which the isolate target's build recognises a bundle with this module. */
const MARK = 'unmoor:web-sockets'

// The timers of the isolate are saved before `installWebSockets` makes them keep Durable Objects in memory.
const { setTimeout } = globalThis

/** The network's ends of the open connections, by the ids that this module gave them. */
const ends = new Map<number, End>()
let next = 1

/** Sends what one end of a connection receives to the engine, and registers the end under an id. */
function join(id: number, end: End): void {
  ends.set(id, end)
  end.pause = (on) => link.post('webSocket', id, 'pause', on)
  end.receive((frame) => send(id, frame), true)
}

function send(id: number, frame: Frame): void {
  if (!ends.has(id)) return
  // Messages are copies in buffers of their own, as the bridge transfers a view's whole buffer.
  if (frame.type === 'message') link.post('webSocket', id, 'message', frame.data)
  else if (frame.type === 'close') link.post('webSocket', id, 'close', frame.code, frame.reason)
  else {
    ends.delete(id)
    link.post('webSocket', id, 'cut')
  }
}

link.on('webSocket', (id: number, type: string, a: unknown, b: string) => {
  const end = ends.get(id)
  if (end === undefined) return
  if (type === 'message') {
    link.post('webSocket', id, 'took')
    end.write({ type, data: a as string | Uint8Array<ArrayBuffer> }, true)
  } else if (type === 'close') end.write({ type, code: a as number, reason: b }, true)
  else {
    ends.delete(id)
    if (type === 'cut') end.write({ type, isLost: a === true }, true)
    else if (type === 'failed') end.write({ type, error: new Error(String(a)) }, true)
  }
})

async function connect({ url, headers, protocols, signal }: Handshake): Promise<HandshakeAnswer> {
  signal?.throwIfAborted()
  const id = next++
  const abort = (): void => link.post('webSocket', id, 'cut')
  signal?.addEventListener('abort', abort, { once: true })
  const data = { url, headers: [...headers].flat(), protocols }
  const answer = (await link.request('webSocketConnect', id, data).catch((error: unknown) => {
    if (signal?.aborted === true) throw signal.reason
    throw new Error('Network connection lost.', { cause: error })
  })) as
    | { headers: readonly string[]; protocol: string }
    | { response: Parameters<typeof link.responseFromHost>[0] }
  signal?.removeEventListener('abort', abort)
  // In an isolate the global Response is the guest's own class, which TypeScript's types do not know.
  if ('response' in answer) return { response: link.responseFromHost(answer.response) as object as Response }
  const [own, network] = End.pair()
  join(id, network)
  const received = new Headers()
  for (let index = 0; index < answer.headers.length; index += 2)
    received.append(answer.headers[index] as string, answer.headers[index + 1] as string)
  return { end: own, headers: received, protocol: answer.protocol }
}

/**
 * A WebSocket attachment. V8's format is not there, so the value is kept as a copy, and its size computed.
 */
class Attachment implements Serialized {
  readonly value: unknown
  readonly byteLength: number

  constructor(value: unknown) {
    this.value = structuredClone(value)
    this.byteLength = serializedSize(this.value)
  }
}

const upgrades: GuestUpgrades = {
  take(response) {
    const socket = webSocketOf(response)
    if (socket === undefined) return undefined
    const id = next++
    const end = coupleSocket(socket)
    return { id, begin: () => join(id, end) }
  },
}

/** The event of a closed WebSocket, which the isolate's web API lacks. */
class CloseEvent extends Event {
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean

  constructor(type: string, { code = 0, reason = '', wasClean = false, ...init }: CloseEventInit = {}) {
    super(type, init)
    this.code = code
    this.reason = reason
    this.wasClean = wasClean
  }
}

Object.defineProperty(globalThis, 'CloseEvent', { value: CloseEvent, writable: true, configurable: true })
Object.defineProperty(upgrades, Symbol.toStringTag, { value: MARK })
installWebSockets(
  {
    connect,
    soon: (callback) => void setTimeout(callback, 0),
    serialize: (value) => new Attachment(value),
    deserialize: (kept) => structuredClone((kept as Attachment).value),
  },
  upgrades,
)
