import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Names the app of a request that another host of the store passes on, and proves that it was one. */
export const FORWARD = 'unmoor-host-forward'
/** Milliseconds that two hosts' clocks may be apart, and a request be under way. */
const FRESH_MS = 60_000

/** What a signature holds. */
export interface Signed {
  app: string
  /** How and by whom it was sent, as the field of `forward.ts` says it. */
  peer: string
  method: string
  target: string
  /** How often it was passed on, this time included. */
  hops: number
}

/** The value of {@link FORWARD}. */
export function signForward(key: string, request: Signed): string {
  const time = Date.now()
  return `${request.app} ${time} ${request.hops} ${sign(key, request, time)}`
}

/** A request that another host has passed on: its app, and how often it was passed on. */
export interface Forwarded {
  app: string
  hops: number
}

/** What another host says of a request; undefined where none has passed it on. */
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
