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

/**
 * Creates a Hyperdrive binding over the URL of a database; clients read its parts or the connection string.
 */
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

/**
 * Returns Hyperdrive's `ip`: the IP address in the database URL, which Cloudflare replaces by one of its own.
 * @throws if the URL has a host name.
 */
function ipOf(host: string): string {
  if (/^[\d.]+$/.test(host) || host.includes(':')) return host
  throw new Error(
    `Hyperdrive ip is not known outside of Cloudflare for the host name "${host}". Give host, or ` +
      'connectionString, to the driver.',
  )
}
