/**
 * `cloudflare:sockets` of an existing Worker in an isolate: a connection is one fetch that the engine answers
 * (`adapters/isolate/services/outbound/tcp.ts`), whose bodies are its two directions.
 */
import { readAddress, type SocketAddress, type SocketOptions } from './sockets.ts'

type Bytes = Uint8Array<ArrayBuffer>
interface SocketInfo {
  remoteAddress?: string
  localAddress?: string
}

/**
 * `connect()` of `cloudflare:sockets` in an isolate: opens a TCP connection. @throws `TypeError` for an
 * invalid address.
 */
export function connect(address: string | SocketAddress, options: SocketOptions = {}): Socket {
  const { hostname, port } = readAddress(address)
  const { secureTransport = 'off', allowHalfOpen = false } = options
  if (!['off', 'on', 'starttls'].includes(secureTransport))
    throw new TypeError(`Unsupported value in secureTransport socket option: ${String(secureTransport)}`)
  const scheme = { off: 'tcp', on: 'tls', starttls: 'starttls' }[secureTransport]
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  const half = allowHalfOpen ? '?half' : ''
  return new Socket(Promise.resolve(`${scheme}://${host}:${port}/${half}`), secureTransport)
}

const FAILED = 'proxy request failed, cannot connect to the specified address'

class Socket {
  readonly readable: ReadableStream<Bytes>
  readonly writable: WritableStream<unknown>
  readonly opened: Promise<SocketInfo>
  readonly closed: Promise<void>
  readonly secureTransport: string
  upgraded = false
  #id: Promise<string>
  #abort = new AbortController()
  #isClosed = false
  #close: (error?: Error) => void

  constructor(url: Promise<string>, secureTransport: string) {
    this.secureTransport = secureTransport
    const outgoing = new TransformStream<unknown, Bytes>({
      transform: (chunk, controller) => controller.enqueue(toBytes(chunk)),
    })
    this.writable = outgoing.writable
    const closed = Promise.withResolvers<undefined>()
    this.closed = closed.promise
    closed.promise.catch(() => {})
    this.#close = (error) => (error === undefined ? closed.resolve(undefined) : closed.reject(error))
    const response = url.then((address) => this.#fetch(address, outgoing.readable))
    const told = response.then(({ headers }): SocketInfo => ({
      remoteAddress: headers.get('x-remote-address') ?? '',
      localAddress: headers.get('x-local-address') ?? '',
    }))
    this.opened = told
    told.catch((error: unknown) => this.#close(error as Error))
    this.#id = response.then(({ headers }) => headers.get('x-socket') ?? '')
    this.#id.catch(() => {})
    this.readable = this.#createReadable(response)
  }

  async #fetch(url: string, body: ReadableStream<Bytes>): Promise<Response> {
    const init = { method: 'POST', body, duplex: 'half', signal: this.#abort.signal }
    try {
      return await fetch(url, init)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      // An error that the isolate's engine reports for a TCP connection already begins with `FAILED`'s text.
      if (reason.startsWith(FAILED)) throw error
      throw new Error(`${FAILED}: ${reason}`, { cause: error })
    }
  }

  #createReadable(response: Promise<Response>): ReadableStream<Bytes> {
    let reader: ReadableStreamDefaultReader<Bytes> | undefined
    return new ReadableStream<Bytes>({
      type: 'bytes',
      pull: async (given) => {
        const controller = given as ReadableByteStreamController
        try {
          reader ??= (await response).body?.getReader()
          if (reader === undefined) throw new Error(FAILED)
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          controller.close()
          controller.byobRequest?.respond(0)
          if (!this.upgraded) this.#close()
        } catch (error) {
          if (!this.#isClosed) {
            this.#close(error as Error)
            return controller.error(error)
          }
          controller.close()
          controller.byobRequest?.respond(0)
        }
      },
      cancel: () => this.close(),
    })
  }

  /** Closes the TCP connection. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#close()
    this.#abort.abort(new Error('The socket was closed.'))
  }

  /**
   * Starts TLS on the TCP connection and returns a new socket for it; this socket can no longer be used.
   *
   * @throws `TypeError` if the socket was not opened with `secureTransport: 'starttls'`.
   */
  startTls(options: { expectedServerHostname?: string } = {}): Socket {
    if (this.secureTransport !== 'starttls')
      throw new TypeError(
        this.secureTransport === 'on'
          ? 'Cannot startTls on a TLS socket.'
          : "The `secureTransport` socket option must be set to 'starttls' for startTls to be used.",
      )
    if (this.upgraded) throw new TypeError('The connection has been upgraded already.')
    this.upgraded = true
    const { expectedServerHostname: name } = options
    const query = name === undefined ? '' : `?name=${encodeURIComponent(name)}`
    return new Socket(
      this.#id.then((id) => `upgrade://${id}/${query}`),
      'on',
    )
  }
}

function toBytes(chunk: unknown): Bytes {
  if (typeof chunk === 'string') return new TextEncoder().encode(chunk)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  if (ArrayBuffer.isView(chunk))
    return new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError(
    'This TransformStream is being used as a byte stream, but received an object of ' +
      'non-ArrayBuffer/ArrayBufferView type on its writable side.',
  )
}
