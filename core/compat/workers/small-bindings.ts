interface Hyperdrive {
  readonly connectionString: string
  readonly host: string
  readonly ip: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  connect(): never
}

/** A Hyperdrive binding over the URL of a database: drivers take its parts, or the connection string. */
export function createHyperdrive(url: () => string): Hyperdrive {
  const part = (read: (url: URL) => string) => (): string => decodeURIComponent(read(new URL(url())))
  const parts: Record<string, () => unknown> = {
    connectionString: url,
    host: part(({ hostname }) => hostname),
    port: () => Number(new URL(url()).port || 5432),
    user: part(({ username }) => username),
    password: part(({ password }) => password),
    database: part(({ pathname }) => pathname.slice(1)),
    ip: () => ipOf(part(({ hostname }) => hostname.replace(/^\[|\]$/g, ''))()),
  }
  const hyperdrive = {
    connect(): never {
      throw new Error(
        'Hyperdrive connect() needs cloudflare:sockets, which is not supported outside of Cloudflare. ' +
          'Give connectionString to the driver.',
      )
    },
  }
  for (const [name, get] of Object.entries(parts))
    Object.defineProperty(hyperdrive, name, { get, enumerable: name !== 'ip' })
  return hyperdrive as Hyperdrive
}

/** Cloudflare gives an address of its own; here there is one only where the URL has it. */
function ipOf(host: string): string {
  if (/^[\d.]+$/.test(host) || host.includes(':')) return host
  throw new Error(
    `Hyperdrive ip is not known outside of Cloudflare for the host name "${host}". Give host, or ` +
      'connectionString, to the driver.',
  )
}

/** A rate limiter. Cloudflare counts per location, this one per process. */
export class RateLimit {
  #limit: number
  #period: number
  #windows = new Map<string, { ends: number; count: number }>()

  constructor(limit: number, periodSeconds: number) {
    this.#limit = limit
    this.#period = periodSeconds * 1000
  }

  /** `delta` counts for so many calls; a call is allowed while the count before it is below the limit. */
  async limit({ key, delta = 1 }: { key: string; delta?: number }): Promise<{ success: boolean }> {
    if (!Number.isInteger(delta) || delta < 1)
      throw new TypeError(`The delta of a rate limit is a positive integer, not ${delta}.`)
    const now = Date.now()
    let window = this.#windows.get(key)
    if (window === undefined || window.ends <= now) {
      if (this.#windows.size >= 10_000)
        for (const [name, { ends }] of this.#windows) if (ends <= now) this.#windows.delete(name)
      this.#windows.set(key, (window = { ends: now + this.#period, count: 0 }))
    }
    const success = window.count < this.#limit
    window.count += delta
    return { success }
  }
}
