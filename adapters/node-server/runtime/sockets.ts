/**
 * `cloudflare:sockets` of an existing Worker, over node:net and node:tls:
 * https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/
 */
import { connect as connectTcp, isIP, type LookupFunction, type Socket as TcpSocket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { readAddress, type SocketAddress, type SocketOptions } from '../../../core/compat/workers/sockets.ts'

type Bytes = Uint8Array<ArrayBuffer>
interface SocketInfo {
  remoteAddress?: string
  localAddress?: string
}

/** Opens a TCP connection of a Worker. @throws `TypeError` for an invalid address. */
export function connect(address: string | SocketAddress, options: SocketOptions = {}): Socket {
  return openSocket(address, options)
}

/** Hooks of a host of apps into the TCP connections that Workers open. */
export interface SocketHooks {
  lookup?: LookupFunction
  /** Called with a Worker's TCP connection before it connects. */
  onStart?: (socket: TcpSocket) => void
}

/** Opens a TCP connection as {@link connect} does, with the hooks of a host. */
export function openSocket(
  address: string | SocketAddress,
  options: SocketOptions,
  { lookup, onStart }: SocketHooks = {},
): Socket {
  const { hostname, port } = readAddress(address)
  const { secureTransport = 'off', allowHalfOpen = false } = options
  if (!['off', 'on', 'starttls'].includes(secureTransport))
    throw new TypeError(`Unsupported value in secureTransport socket option: ${String(secureTransport)}`)
  const tcp = connectTcp({ host: hostname, port, allowHalfOpen: true, ...(lookup && { lookup }) })
  onStart?.(tcp)
  tcp.setNoDelay(true)
  const stream = secureTransport === 'on' ? secure(tcp, hostname) : tcp
  return new Socket(stream, { hostname, secureTransport, allowHalfOpen })
}

function secure(socket: TcpSocket, hostname: string): TcpSocket {
  // SNI (`servername`) is set only for a host name, as an IP address has none.
  return connectTls({ socket, host: hostname, ...(isIP(hostname) === 0 ? { servername: hostname } : {}) })
}

interface Facts {
  hostname: string
  secureTransport: 'off' | 'on' | 'starttls'
  allowHalfOpen: boolean
}

/** The Socket class of `cloudflare:sockets`: one TCP connection. */
export class Socket {
  readonly readable: ReadableStream<Bytes>
  readonly writable: WritableStream<unknown>
  readonly opened: Promise<SocketInfo>
  readonly closed: Promise<void>
  readonly secureTransport: string
  /** True if this TCP connection was upgraded to TLS by {@link startTls}. */
  upgraded = false
  #stream: TcpSocket
  #facts: Facts
  #isOpen = false
  #detach: () => void = () => {}

  constructor(stream: TcpSocket, facts: Facts) {
    this.#stream = stream
    this.#facts = facts
    this.secureTransport = facts.secureTransport
    const opened = Promise.withResolvers<SocketInfo>()
    const closed = Promise.withResolvers<undefined>()
    this.opened = opened.promise
    this.closed = closed.promise
    // Handles rejections of the TCP socket's `opened` and `closed`, which most Workers never look at.
    opened.promise.catch(() => {})
    closed.promise.catch(() => {})
    stream.once('encrypted' in stream ? 'secureConnect' : 'connect', () => {
      this.#isOpen = true
      const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = stream
      opened.resolve({
        remoteAddress: `${remoteAddress}:${remotePort}`,
        localAddress: `${localAddress}:${localPort}`,
      })
    })
    let failure: Error | undefined
    stream.on('error', (error) => (failure ??= toError(error)))
    stream.once('close', () => {
      const error = failure ?? new Error('The socket was closed before it was open.')
      if (!this.#isOpen) opened.reject(error)
      if (failure === undefined) closed.resolve(undefined)
      else closed.reject(failure)
    })
    this.readable = this.#createReadable(() => failure)
    this.writable = this.#createWritable(() => failure)
  }

  /** Ends the TCP connection and resolves once it is closed. */
  async close(): Promise<void> {
    this.#stream.destroy()
    await this.closed.catch(() => {})
  }

  /**
   * Upgrades the TCP connection to TLS and returns its new Socket; this object must not be used any more.
   * @throws `TypeError` if the socket was not opened with `secureTransport: 'starttls'`.
   */
  startTls(options: { expectedServerHostname?: string } = {}): Socket {
    if (this.#facts.secureTransport !== 'starttls')
      throw new TypeError(
        this.#facts.secureTransport === 'on'
          ? 'Cannot startTls on a TLS socket.'
          : "The `secureTransport` socket option must be set to 'starttls' for startTls to be used.",
      )
    if (this.upgraded) throw new TypeError('The connection has been upgraded already.')
    this.upgraded = true
    this.#detach()
    const hostname = options.expectedServerHostname ?? this.#facts.hostname
    return new Socket(secure(this.#stream, hostname), { ...this.#facts, hostname, secureTransport: 'on' })
  }

  #createReadable(failure: () => Error | undefined): ReadableStream<Bytes> {
    const stream = this.#stream
    let isDone = false
    return new ReadableStream<Bytes>(
      {
        type: 'bytes',
        start: (given) => {
          const controller = given as ReadableByteStreamController
          const end = (work: () => void): void => {
            if (isDone) return
            isDone = true
            work()
            // A pending BYOB read of a TCP socket is answered with 0 bytes, so that its reader sees the end.
            controller.byobRequest?.respond(0)
          }
          const onData = (chunk: Buffer<ArrayBuffer>): void => {
            if (isDone) return
            controller.enqueue(new Uint8Array(chunk))
            if ((controller.desiredSize ?? 0) <= 0) stream.pause()
          }
          const onEnd = (): void => {
            end(() => controller.close())
            // As on Workers, both directions of a TCP socket end together unless the Worker set
            // `allowHalfOpen`.
            if (!this.#facts.allowHalfOpen) stream.end()
          }
          const onClose = (): void => {
            const error = failure()
            end(() => (error === undefined ? controller.close() : controller.error(error)))
          }
          stream.on('data', onData).on('end', onEnd).on('close', onClose)
          // The TCP connection is paused until somebody reads, since startTls may come first.
          stream.pause()
          this.#detach = () => {
            stream.off('data', onData).off('end', onEnd).off('close', onClose)
            end(() => controller.close())
          }
        },
        pull: () => void stream.resume(),
        cancel: () => {
          isDone = true
          stream.destroy()
        },
      },
      { highWaterMark: 0 },
    )
  }

  #createWritable(failure: () => Error | undefined): WritableStream<unknown> {
    const stream = this.#stream
    return new WritableStream<unknown>({
      write: (chunk) =>
        new Promise<void>((fulfil, reject) => {
          const bytes = toBytes(chunk)
          if (stream.destroyed)
            return reject(failure() ?? new TypeError('This WritableStream has been closed.'))
          stream.write(bytes, (error) => (error ? reject(toError(error)) : fulfil()))
        }),
      close: () => new Promise<void>((fulfil) => void stream.end(() => fulfil())),
      abort: () => void stream.destroy(),
    })
  }
}

function toBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError(
    'This TransformStream is being used as a byte stream, but received an object of ' +
      'non-ArrayBuffer/ArrayBufferView type on its writable side.',
  )
}

/** Returns the error of a failed TCP connection with workerd's message, and Node's error as its cause. */
function toError(error: Error): Error {
  return new Error(`proxy request failed, cannot connect to the specified address: ${error.message}`, {
    cause: error,
  })
}
