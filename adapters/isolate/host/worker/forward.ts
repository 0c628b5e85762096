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

/** As many connections as requests: those that wait for their bodies must keep no other from the app. */
const agent = new Agent({ keepAlive: true })
const once = new Agent()
/** Agents for hosts that speak TLS, made when one is first connected to. */
const secure = new Map<string, TlsAgent>()

/** Where an app is reached, or why it is not; a promise while another version is about to be there. */
export type FindPlace = () => Found | Promise<Found>
type Found = Place | { refused: string } | undefined

/** What {@link passOn} passes on. */
export interface PassedOn {
  app: string
  target: string
  findPlace: FindPlace
  /** Key by which other hosts know that a request comes from this one. */
  forwardKey: string | undefined
  /** How often other hosts have passed it on. */
  hops: number
  /** A request that wants to become a socket, and where its connection is kept then. */
  upgrade?: { readonly request: Upgrade; readonly tunnels: Tunnels } | undefined
}

/**
 * Times that a request is forwarded between hosts, at most. Two runs of a host may share a port while one
 * replaces the other, so what one of them forwards may come back to it.
 */
export const MAX_HOPS = 20
/** Forwards after which a request waits longer each time: until then it may meet the owner by luck. */
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
 * Passes a request on to the process of an app that has one of its own, on this host or on the one that owns
 * the app's objects. The only hop of a host, and only for such apps. Both messages are framed anew: no field
 * of one connection goes over to the other.
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

/** Why nobody is there; undefined where somebody is. */
export function whyNot(found: Found): string | undefined {
  if (found === undefined) return 'the app is being replaced by another version'
  return typeof found === 'object' && 'refused' in found ? found.refused : undefined
}

/** Options of node:http's `request` for a place. */
export function connectTo(
  place: Place,
  forwardKey: string | undefined,
  isFresh = false,
): { agent: Agent; protocol?: string; socketPath?: string; host?: string; port?: string } {
  if (typeof place === 'string') return { agent: isFresh ? once : agent, socketPath: place }
  const { protocol, hostname, port } = new URL(place.address)
  const isSecure = protocol === 'https:'
  // A kept connection to the own port would come back again.
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

/** Fields that prove to another host that a request comes from one of the same store. */
export function proof(place: Place, forwardKey: string | undefined, signed: Signed): string[] {
  return typeof place === 'string' || forwardKey === undefined
    ? []
    : [FORWARD, signForward(forwardKey, signed)]
}

/** True if the client is gone or was answered here: one whose body comes too slowly is refused meanwhile. */
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
  // The fields of the own connection, which is to become a socket too.
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
      // Thrown here it would end the process that all apps share.
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
  // Not before there is a connection: what was read cannot be sent to another process.
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
    // The request waited for a free connection while its process was replaced.
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
 * The header that tells the process of an app how and by whom a request was sent: `https 192.0.2.1 54321`.
 * Its socket is open to the host alone.
 */
export const PEER = 'unmoor-host-peer'
const OF_HOSTS: ReadonlySet<string> = new Set([PEER, FORWARD])

function peerOf({ socket }: IncomingMessage): string {
  const scheme = (socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http'
  return socket.remoteAddress === undefined
    ? scheme
    : `${scheme} ${socket.remoteAddress} ${socket.remotePort}`
}

/** Fields of a request to the process of an app, which `raw` names and values may not decide on. */
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
  // Else node:http would announce chunks.
  else if (method !== 'GET' && method !== 'HEAD') fields.push('content-length', '0')
  return fields
}

/** node:http has read the answer by these very fields, so its length is what they say. */
function answerFields({ headers, rawHeaders }: IncomingMessage): string[] {
  const fields = endToEndFields(rawHeaders)
  const length = plainLength(headers['content-length'])
  if (length !== undefined && headers['transfer-encoding'] === undefined)
    fields.push('content-length', length)
  return fields
}

/** Takes what {@link passOn} added out of a message again: what the client's own connection was. */
export function takePeer({ headers, socket }: IncomingMessage): void {
  delete headers[FORWARD]
  const [scheme, address, port] = ((headers[PEER] as string | undefined) ?? '').split(' ')
  delete headers[PEER]
  // The connection carries one request at a time, so what it says holds for this one.
  Object.defineProperties(socket, {
    remoteAddress: { value: address || undefined, configurable: true },
    remotePort: { value: port === undefined ? undefined : Number(port), configurable: true },
    encrypted: { value: scheme === 'https', configurable: true },
  })
}
