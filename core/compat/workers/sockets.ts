/** Stand-in for `cloudflare:sockets`, with the parts that all targets share. */

/** Address of a TCP server for `connect()`: host name and port. */
export interface SocketAddress {
  hostname: string
  port: number
}

/** Options of `connect()` of `cloudflare:sockets`. */
export interface SocketOptions {
  /**
   * TLS of a connection of `cloudflare:sockets`: `on` starts it at once, `starttls` on `startTls()`. Default:
   * `off`.
   */
  secureTransport?: 'off' | 'on' | 'starttls'
  /** If true, a TCP socket's writable side stays open after the server has ended its side. Default: false. */
  allowHalfOpen?: boolean
}

/**
 * Parses the address for `connect()`: `host:port`, or an object with host name and port. @throws `TypeError`
 * as workerd does, for anything else.
 */
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

/** `connect` on targets without TCP sockets, and of a Fetcher: not supported. @throws always. */
export function connect(_address: unknown): never {
  throw new Error(
    'connect() of cloudflare:sockets is not supported here. Reach the server over HTTP, or through a ' +
      'driver of the target (a D1 database on Postgres, for example).',
  )
}
