/** What a Worker imports as `cloudflare:sockets`: what all targets have of it. */

/** A server by its name. */
export interface SocketAddress {
  hostname: string
  port: number
}

/** Options of `connect`. */
export interface SocketOptions {
  /** `on`: TLS at once; `starttls`: later, by `startTls()`. Default: `off`. */
  secureTransport?: 'off' | 'on' | 'starttls'
  /** If true, the writable side stays open when the server has ended its own. Default: false. */
  allowHalfOpen?: boolean
}

/** Name and port of `host:port`, or of an object. @throws `TypeError` as workerd does, for neither. */
export function readAddress(address: unknown): SocketAddress {
  if (typeof address === 'object' && address !== null) {
    const { hostname, port } = address as Partial<SocketAddress>
    return checkAddress(String(hostname), Number(port))
  }
  const text = String(address)
  const url = URL.canParse(`tcp://${text}`) ? new URL(`tcp://${text}`) : undefined
  const isPlain = url !== undefined && url.username === '' && (url.pathname === '' || url.pathname === '/')
  if (!isPlain) throw new TypeError(`Specified address could not be parsed: ${text}`)
  if (url.port === '') throw new TypeError(`Specified address is missing port: ${text}`)
  return checkAddress(url.hostname, Number(url.port))
}

function checkAddress(hostname: string, port: number): SocketAddress {
  if (hostname === '' || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new TypeError(`Specified address could not be parsed: ${hostname}:${port}`)
  return { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port }
}

/** @throws always; where a target has no sockets, and what `connect` of a Fetcher is. */
export function connect(_address: unknown): never {
  throw new Error(
    'connect() of cloudflare:sockets is not supported here. Reach the server over HTTP, or through a ' +
      'driver of the target (a D1 database on Postgres, for example).',
  )
}
