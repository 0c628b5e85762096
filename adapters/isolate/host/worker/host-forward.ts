import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Names the app of a request that another host of the store passes on, and proves that it was one. */
export const FORWARD = 'unmoor-host-forward'
/** Milliseconds that two hosts' clocks may be apart, and a request be under way. */
const FRESH_MS = 60_000

/** What a signature holds. */
export interface Signed {
  app: string
  /** Address and port of the client, as the field of `forward.ts` says them; empty where nobody is. */
  peer: string
  method: string
  target: string
}

/** The value of {@link FORWARD}. */
export function signForward(key: string, request: Signed): string {
  const time = Date.now()
  return `${request.app} ${time} ${sign(key, request, time)}`
}

/** The app of a request that another host has passed on; undefined where none has. */
export function forwardedApp(key: string | undefined, incoming: IncomingMessage): string | undefined {
  const given = incoming.headers[FORWARD]
  if (given === undefined || key === undefined || typeof given !== 'string') return undefined
  const [app = '', time = '', signature = ''] = given.split(' ')
  const { method = '', url: target = '' } = incoming
  const peer = String(incoming.headers['unmoor-host-peer'] ?? '')
  if (!(Math.abs(Date.now() - Number(time)) < FRESH_MS)) return undefined
  const right = Buffer.from(sign(key, { app, method, target, peer }, Number(time)))
  const found = Buffer.from(signature)
  return found.length === right.length && timingSafeEqual(found, right) ? app : undefined
}

function sign(key: string, { app, method, target, peer }: Signed, time: number): string {
  return createHmac('sha256', key)
    .update(`${app}\n${time}\n${method}\n${target}\n${peer}`)
    .digest('base64url')
}
