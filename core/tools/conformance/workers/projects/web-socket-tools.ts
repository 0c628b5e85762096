/** Shared helpers of the cases about WebSockets of Workers. */
import { fail, ok } from '../../assert.ts'
import { connectSocket, SocketClient, type SocketRequest } from '../../socket-client.ts'
import type { ProjectCase, Site } from './project-case.ts'

/** Targets that support the WebSockets of a Worker. */
const TAKERS: ReadonlySet<string> = new Set(['cloudflare', 'node', 'isolate'])

/**
 * Runs a WebSocket check on targets that support a Worker's WebSockets; on others, checks that the build
 * refused them by name.
 */
export function taken(check: (site: Site) => Promise<void>): ProjectCase['check'] {
  return async (site, target) => {
    if (TAKERS.has(target)) return check(site)
    const { failure } = site
    ok(
      failure !== undefined && /WebSocketPair: .*"sockets"|Durable Objects/s.test(failure),
      `the build refuses it by name, with the way: ${String(failure)}`,
    )
  }
}

/** Connects a real WebSocket client to the site. @throws if the Worker refuses the handshake. */
export async function open(site: Site, path: string, request?: SocketRequest): Promise<SocketClient> {
  const client = await connectSocket(site.url, path, request)
  return client instanceof SocketClient ? client : fail(`${path} is a ${client.status}: ${client.body}`)
}

const PATIENCE = 60_000
const PAUSE = 20

/** Repeats a request to the site until its answer passes the check, and returns that answer. */
export async function until<T>(
  site: Site,
  path: string,
  isThere: (answer: T) => boolean,
  what: string,
): Promise<T> {
  const end = Date.now() + PATIENCE
  for (;;) {
    const answer = JSON.parse(await site.text(path)) as T
    if (isThere(answer)) return answer
    if (Date.now() >= end) return fail(`${what}: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}
