/** A Hyperdrive binding over the URL of a database: drivers take its parts, or the connection string. */
export function createHyperdrive(url: () => string): object {
  const part = (read: (url: URL) => string) => (): string => decodeURIComponent(read(new URL(url())))
  const parts: Record<string, () => unknown> = {
    connectionString: url,
    host: part(({ hostname }) => hostname),
    port: () => Number(new URL(url()).port || 5432),
    user: part(({ username }) => username),
    password: part(({ password }) => password),
    database: part(({ pathname }) => pathname.slice(1)),
  }
  const hyperdrive = {
    connect(): never {
      throw new Error('Hyperdrive connect() needs cloudflare:sockets, which is not supported outside of Cloudflare. Give connectionString to the driver.')
    },
  }
  for (const [name, get] of Object.entries(parts)) Object.defineProperty(hyperdrive, name, { get, enumerable: true })
  return hyperdrive
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

  async limit({ key }: { key: string }): Promise<{ success: boolean }> {
    const now = Date.now()
    let window = this.#windows.get(key)
    if (window === undefined || window.ends <= now) {
      if (this.#windows.size >= 10_000) for (const [name, { ends }] of this.#windows) if (ends <= now) this.#windows.delete(name)
      this.#windows.set(key, (window = { ends: now + this.#period, count: 0 }))
    }
    window.count++
    return { success: window.count <= this.#limit }
  }
}
