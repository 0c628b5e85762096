import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Agent as TlsAgent } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { endToEndFields, plainLength } from '../../../node-server/runtime/http/message-fields.ts'
import type { Upgrade } from '../../../node-server/runtime/web-sockets/upgrade.ts'
import type { Tunnels } from './tunnels.ts'
import type { Place } from './apart-apps.ts'
import { FORWARD, type Signed, signForward } from './host-forward.ts'
import { refuse } from './refuse.ts'
import { agentBetweenHosts } from '../tls/material.ts'

/**
 * HTTP agent without a limit of connections: requests that wait for their bodies must not block others.
 * `once`: agent whose connections are not reused.
 */
const agent = new Agent({ keepAlive: true })
const once = new Agent()
/** HTTP agents for hosts that speak TLS, created at the first connection. */
const secure = new Map<string, TlsAgent>()

/**
 * Finds an app's location, or the reason why it has none; a promise while the app's process is being
 * replaced.
 */
export type FindPlace = () => Found | Promise<Found>
type Found = Place | { refused: string } | undefined

/** A request of an app that {@link passOn} forwards to another process or host. */
export interface PassedOn {
  app: string
  target: string
  findPlace: FindPlace
  /** Key by which other hosts recognise forwarded requests of this host. Undefined without a store. */
  forwardKey: string | undefined
  /** Number of times that other hosts have already forwarded the request. */
  hops: number
  /**
   * The WebSocket upgrade to forward, and the tunnels that keep its connection. Undefined for other requests.
   */
  upgrade?: { readonly request: Upgrade; readonly tunnels: Tunnels } | undefined
}

/**
 * Maximum number of forwards of one request between hosts. During a handover two runs of a host share a port,
 * so a forwarded request may come back.
 */
export const MAX_HOPS = 20
/**
 * Number of a request's first forwards between hosts that wait the shortest time. While two runs of a host
 * share a port, each forward has an even chance to reach the owner.
 */
const LUCKY_HOPS = 6

/**
 * Milliseconds that a request which other hosts have forwarded waits for a change of owner before it is
 * forwarded again. All waits together are longer than a replacement may take.
 *
 * @param replaceMs - Milliseconds that one run of a host may take to replace another.
 */
export function comeBackMs(hops: number, replaceMs: number): number {
  return Math.min(300 * 2 ** Math.max(0, hops - LUCKY_HOPS), Math.max(300, replaceMs / 4))
}

/**
 * Forwards a request to the app's own process, on this host or on the host that owns the app's objects. Only
 * apps with a process of their own need this hop. Both messages are framed anew: no hop-by-hop header passes
 * from one connection to the other.
 */
export function passOn(incoming: IncomingMessage, outgoing: ServerResponse, passed: PassedOn): void {
  const go = (found: Found): void => {
    if (isAnswered(outgoing)) return
    if (passed.hops >= MAX_HOPS && typeof found === 'object')
      return refuse(outgoing, 503, "two hosts take each other for the owner of the app's objects")
    const reason = whyNot(found)
    if (reason === undefined) passTo(incoming, outgoing, found as Place, passed)
    else refuse(outgoing, 503, reason)
  }
  const found = passed.findPlace()
  if (found instanceof Promise) void found.then(go)
  else go(found)
}

/** Returns the reason why no process of any host serves the app; undefined if one does. */
export function whyNot(found: Found): string | undefined {
  if (found === undefined) return 'the app is being replaced by another version'
  return typeof found === 'object' && 'refused' in found ? found.refused : undefined
}

/** Returns, for a forwarded request, the connection options of node:http's `request` for a location. */
export function connectTo(
  place: Place,
  forwardKey: string | undefined,
  isFresh = false,
): { agent: Agent; protocol?: string; socketPath?: string; host?: string; port?: string } {
  if (typeof place === 'string') return { agent: isFresh ? once : agent, socketPath: place }
  const { protocol, hostname, port } = new URL(place.address)
  const isSecure = protocol === 'https:'
  // A request that came from another host is forwarded on a fresh connection: a kept one to the port that
  // this process shares would reach this process again.
  const plain = isFresh ? once : agent
  return {
    agent: isSecure && forwardKey !== undefined ? secureAgent(forwardKey, isFresh) : plain,
    protocol,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port || (isSecure ? '443' : '80'),
  }
}

function secureAgent(forwardKey: string, isFresh: boolean): TlsAgent {
  const id = `${isFresh} ${forwardKey}`
  let found = secure.get(id)
  if (found === undefined) secure.set(id, (found = agentBetweenHosts(forwardKey, !isFresh)))
  return found
}

/** Returns header fields that prove to another host that a request comes from a host of the same store. */
export function proof(place: Place, forwardKey: string | undefined, signed: Signed): string[] {
  return typeof place === 'string' || forwardKey === undefined
    ? []
    : [FORWARD, signForward(forwardKey, signed)]
}

/**
 * True if the client of a forwarded request is gone or has its answer: a request with a slow body may be
 * refused while it waits.
 */
function isAnswered(outgoing: ServerResponse): boolean {
  return outgoing.destroyed || outgoing.headersSent
}

function passTo(incoming: IncomingMessage, outgoing: ServerResponse, place: Place, passed: PassedOn): void {
  const { method = 'GET' } = incoming
  const { app, target, findPlace, forwardKey } = passed
  const hops = passed.hops + 1
  const peer = peerOf(incoming)
  const headers = requestFields(incoming, peer)
  headers.push(...proof(place, forwardKey, { app, method, target, peer, hops }))
  const { upgrade } = passed
  // Upgrade headers make the forwarded request's connection a WebSocket too.
  if (upgrade !== undefined) headers.push('connection', 'Upgrade', 'upgrade', 'websocket')
  const onward = request(
    {
      ...connectTo(place, forwardKey, passed.hops > 0 || upgrade !== undefined),
      method,
      path: target,
      headers,
      setHost: false,
    },
    (answer) => {
      // An exception in this callback of a forwarded request would end the process that all apps share.
      if (isAnswered(outgoing)) return void onward.destroy()
      hasAnswer = true
      outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answerFields(answer))
      answer.pipe(outgoing)
      answer.once('error', () => outgoing.destroy())
    },
  )
  if (upgrade !== undefined)
    onward.once('upgrade', (answer, peer, head) => {
      hasAnswer = true
      if (isAnswered(outgoing)) return void peer.destroy()
      upgrade.tunnels.open(upgrade.request, { fields: endToEndFields(answer.rawHeaders), peer, head })
    })
  let hasAnswer = false
  const abandon = (): void => {
    if (!hasAnswer || !outgoing.writableFinished) onward.destroy()
  }
  outgoing.once('close', abandon)
  let isSent = false
  // Send a forwarded request's body only once connected: body bytes that were read could not be sent to
  // another process.
  const send = (): void => {
    isSent = true
    incoming.pipe(onward)
  }
  onward.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', send)
    else send()
  })
  onward.once('error', () => {
    outgoing.off('close', abandon)
    if (outgoing.writableEnded) return
    if (outgoing.headersSent) return void outgoing.destroy()
    // Nothing of the request was sent and the app's process has been replaced: forward the request to the new
    // process.
    if (!isSent && findPlace() !== place) return passOn(incoming, outgoing, passed)
    refuse(
      outgoing,
      503,
      typeof place === 'string'
        ? "the app's process ended while it served this request, or is being started again"
        : "the host that owns the app's objects cannot be reached, or ended while it served this request",
    )
  })
}

/**
 * Header that tells an app's process who sent a request and how: `https 192.0.2.1 54321`. The process's
 * socket is reachable by the host alone.
 */
export const PEER = 'unmoor-host-peer'
const OF_HOSTS: ReadonlySet<string> = new Set([PEER, FORWARD])

function peerOf({ socket }: IncomingMessage): string {
  const scheme = (socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http'
  return socket.remoteAddress === undefined
    ? scheme
    : `${scheme} ${socket.remoteAddress} ${socket.remotePort}`
}

/** Returns the header fields of a forwarded request, without those that clients must not set. */
export function ownFields(raw: readonly string[]): string[] {
  const fields: string[] = []
  const copied = endToEndFields(raw)
  for (let index = 0; index + 1 < copied.length; index += 2)
    if (!OF_HOSTS.has((copied[index] as string).toLowerCase()))
      fields.push(copied[index] as string, copied[index + 1] as string)
  return fields
}

function requestFields({ method, headers, rawHeaders }: IncomingMessage, peer: string): string[] {
  const fields = ownFields(rawHeaders)
  fields.push(PEER, peer)
  if (headers['transfer-encoding'] !== undefined) fields.push('transfer-encoding', 'chunked')
  else if (headers['content-length'] !== undefined) fields.push('content-length', headers['content-length'])
  // A forwarded request without a body gets `content-length: 0`: node:http would announce a chunked body.
  else if (method !== 'GET' && method !== 'HEAD') fields.push('content-length', '0')
  return fields
}

/**
 * Returns the header fields of the response to a forwarded request. Its content-length is kept, since
 * node:http has framed the body by it.
 */
function answerFields({ headers, rawHeaders }: IncomingMessage): string[] {
  const fields = endToEndFields(rawHeaders)
  const length = plainLength(headers['content-length'])
  if (length !== undefined && headers['transfer-encoding'] === undefined)
    fields.push('content-length', length)
  return fields
}

/**
 * Removes the header fields that {@link passOn} added, and applies the client's address and scheme to the
 * socket.
 */
export function takePeer({ headers, socket }: IncomingMessage): void {
  delete headers[FORWARD]
  const [scheme, address, port] = ((headers[PEER] as string | undefined) ?? '').split(' ')
  delete headers[PEER]
  // A connection carries one request at a time, so the address set on the socket holds for this request.
  Object.defineProperties(socket, {
    remoteAddress: { value: address || undefined, configurable: true },
    remotePort: { value: port === undefined ? undefined : Number(port), configurable: true },
    encrypted: { value: scheme === 'https', configurable: true },
  })
}
