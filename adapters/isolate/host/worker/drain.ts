import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Milliseconds in which clients may still send a request on a kept-alive connection; the response tells them
 * that the connection closes.
 */
const GRACE_MS = 500
const SWEEP_MS = 20
/**
 * Milliseconds below which a turn of the event loop has run next to no code. `QUIET_LIMIT_MS`: most
 * milliseconds to wait for such a turn.
 */
const QUIET_MS = 0.05
const QUIET_LIMIT_MS = 500

/**
 * Stops accepting connections and waits for running requests, for at most `seconds`. Idle connections are not
 * closed at once, since a request may be on its way on one of them. The server's responses must carry
 * `Connection: close` from now on. If `isAlone` is true, nobody else listens at the address, so waiting
 * connections are accepted first.
 */
export async function drain(server: Server, seconds: number, isAlone = false): Promise<void> {
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  const grace = (): Promise<void> =>
    Promise.race([closed, sleep(Math.min(GRACE_MS, seconds * 1000), undefined, { ref: false })])
  if (isAlone) await grace()
  else await quietTurn()
  // Stop listening with `close()` of node:net: that of node:http would also end idle connections.
  NetServer.prototype.close.call(server)
  if (!isAlone) await grace()
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
  await Promise.race([closed, sleep(seconds * 1000, undefined, { ref: false })])
  clearInterval(sweep)
  server.closeAllConnections()
}

/**
 * Resolves after a short turn of the event loop. When one of several listeners of a port closes, Linux resets
 * its connections that wait to be accepted (unless `net.ipv4.tcp_migrate_req` is 1). Each turn accepts the
 * waiting connections, so few are waiting right after a short turn. Figures: MEASURED.md.
 */
function quietTurn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const began = performance.now()
  let last = began
  const look = (): void => {
    const now = performance.now()
    if (now - last < QUIET_MS || now - began > QUIET_LIMIT_MS) return resolve()
    last = now
    setImmediate(look)
  }
  setImmediate(look)
  return promise
}
