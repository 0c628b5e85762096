import { Agent, request } from 'node:http'

/** What a request came to. */
export interface Outcome {
  readonly method: string
  readonly path: string
  /** 0 where the connection broke. */
  readonly status: number
  /** The replica that answered, as the balancer says. */
  readonly replica?: string | undefined
  /** Why the connection broke. */
  readonly error?: string | undefined
  /** Milliseconds since 1970. */
  readonly began: number
  readonly ended: number
}

/** What the cluster has acknowledged, and every request that it did not. */
export interface Ledger {
  /** Slug to address, of links whose POST was answered with 201. */
  readonly links: Map<string, string>
  /** Slugs whose DELETE was answered with 204 or 404. */
  readonly deleted: Set<string>
  /** Slug to bytes, of icons whose PUT was answered with 201. */
  readonly icons: Map<string, Buffer>
  /** Referrers of visits that were answered with 302: each is one message. */
  readonly visits: Set<string>
  readonly failures: Outcome[]
  requests: number
}

const PNG = { 'content-type': 'image/png' }

/**
 * Users of the links app at `url`, `count` at once, until they are stopped: each makes links with pictures,
 * visits them, lists them and deletes some.
 */
export function startLoad(
  url: string,
  token: string,
  count: number,
): { readonly ledger: Ledger; stop(): Promise<void> } {
  const ledger: Ledger = {
    links: new Map(),
    deleted: new Set(),
    icons: new Map(),
    visits: new Set(),
    failures: [],
    requests: 0,
  }
  const stopped = new AbortController()
  // A connection for each request: the balancer may close one that is kept just as the next request comes on
  // it, which says nothing of the replicas.
  const agent = new Agent({ keepAlive: false })
  const users = Array.from({ length: count }, async (_, user) => {
    const send = sender(url, agent, ledger)
    const admin = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    for (let round = 0; !stopped.signal.aborted; round++) {
      const slug = `u${user}-${round}`
      const target = `https://example.org/${slug}`
      const made = await send('POST', '/api/links', admin, JSON.stringify({ slug, url: target }))
      if (made === 201) {
        ledger.links.set(slug, target)
        const icon = Buffer.from(`icon of ${slug}`)
        if ((await send('PUT', `/api/links/${slug}/icon`, { ...admin, ...PNG }, icon)) === 201)
          ledger.icons.set(slug, icon)
      }
      for (let visit = 0; visit < 3; visit++) {
        const referrer = `v${round}-${visit}.u${user}.example`
        const [known] = [...ledger.links.keys()].filter((one) => !one.endsWith('7')).slice(-1)
        if (
          known !== undefined &&
          (await send('GET', `/${known}`, { referer: `https://${referrer}/` })) === 302
        )
          ledger.visits.add(referrer)
      }
      await send('GET', '/api/links', admin)
      if (slug.endsWith('7') && ledger.links.has(slug)) {
        const answer = await send('DELETE', `/api/links/${slug}`, admin)
        if (answer === 204 || answer === 404) ledger.deleted.add(slug)
        // What is not acknowledged may have happened or not.
        ledger.links.delete(slug)
        ledger.icons.delete(slug)
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })
  return {
    ledger,
    async stop() {
      stopped.abort()
      await Promise.all(users)
      agent.destroy()
    },
  }
}

const EXPECTED = new Set([200, 201, 204, 302])

/** Sends a request once, gives its status and notes what failed. */
function sender(url: string, agent: Agent, ledger: Ledger) {
  return async (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string | Buffer,
  ): Promise<number> => {
    const began = Date.now()
    const { status, replica, error } = await exchange(`${url}${path}`, { method, headers, agent }, body)
    ledger.requests++
    // A DELETE that was repeated finds nothing any more.
    if (!EXPECTED.has(status) && !(method === 'DELETE' && status === 404))
      ledger.failures.push({ method, path, status, replica, error, began, ended: Date.now() })
    return status
  }
}

function exchange(
  url: string,
  options: { method: string; headers: Record<string, string>; agent: Agent },
  body?: string | Buffer,
) {
  return new Promise<Pick<Outcome, 'status' | 'replica' | 'error'>>((resolve) => {
    const sent = request(url, options, (response) => {
      response.resume()
      const replica = response.headers['x-replica']
      response.on('close', () =>
        resolve({
          status: response.complete ? (response.statusCode ?? 0) : 0,
          replica: typeof replica === 'string' ? replica : undefined,
        }),
      )
    })
    sent.on('error', (error) => resolve({ status: 0, error: error.message }))
    sent.end(body)
  })
}
