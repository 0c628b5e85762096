import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/**
 * Header of a request forwarded by another host of the store: names the app and carries that host's
 * signature.
 */
export const FORWARD = 'unmoor-host-forward'
/**
 * Milliseconds that a forwarded request's signature is valid, which covers clock differences between hosts
 * and the time under way.
 */
const FRESH_MS = 60_000

/** Fields of a request forwarded between hosts that its signature covers. */
export interface Signed {
  app: string
  /** Client's scheme and address, as the `PEER` header of `forward.ts` states them. */
  peer: string
  method: string
  target: string
  /** Number of times that the request was forwarded between hosts, including this time. */
  hops: number
}

/** Returns the value of the {@link FORWARD} header for a request. */
export function signForward(key: string, request: Signed): string {
  const time = Date.now()
  return `${request.app} ${time} ${request.hops} ${sign(key, request, time)}`
}

/** App and number of forwards of a request that another host has forwarded. */
export interface Forwarded {
  app: string
  hops: number
}

/** Verifies the signature of a forwarded request. Returns undefined if no host of the store forwarded it. */
export function forwarded(key: string | undefined, incoming: IncomingMessage): Forwarded | undefined {
  const given = incoming.headers[FORWARD]
  if (given === undefined || key === undefined || typeof given !== 'string') return undefined
  const [app = '', time = '', hopCount = '', signature = ''] = given.split(' ')
  const hops = Number(hopCount)
  const { method = '', url: target = '' } = incoming
  const peer = String(incoming.headers['unmoor-host-peer'] ?? '')
  if (!(Math.abs(Date.now() - Number(time)) < FRESH_MS)) return undefined
  const right = Buffer.from(sign(key, { app, method, target, peer, hops }, Number(time)))
  const found = Buffer.from(signature)
  return found.length === right.length && timingSafeEqual(found, right) ? { app, hops } : undefined
}

function sign(key: string, { app, method, target, peer, hops }: Signed, time: number): string {
  return createHmac('sha256', key)
    .update(`${app}\n${time}\n${method}\n${target}\n${peer}\n${hops}`)
    .digest('base64url')
}
