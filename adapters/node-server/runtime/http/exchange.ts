import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ClientHeader, type ClientInfo, clientInfo, type Trust } from '../../../../core/client.ts'
import type { ClientSource } from '../../../../core/context.ts'
import { usableId } from '../../../../core/request-id.ts'
import type { AppEvent } from '../events.ts'
import type { PendingUpgrade } from './upgrades.ts'

/** Seconds without progress after which an answer is ended, if its request had an uncaught error. */
export const STALLED_SECONDS = 30
const LOOK_MS = 2500

/** One HTTP request and its answer: the event that the app's code runs for. */
export class Exchange implements AppEvent, ClientSource {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  /** Time at which the request's handler was begun, in ticks of {@link AnswerLimit}. */
  begun = 0
  /** The request's pending upgrade (for WebSocket); undefined for a request that may not leave HTTP. */
  upgrade: PendingUpgrade | undefined
  #request: Request
  #watch: NodeJS.Timeout | undefined

  #trust: Trust | undefined

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    request: Request,
    trust: Trust | undefined,
  ) {
    this.#trust = trust
    this.incoming = incoming
    this.outgoing = outgoing
    this.#request = request
  }

  get name(): string {
    return `${this.incoming.method} ${this.#request.url}`
  }

  get client(): ClientInfo {
    return clientOf(this.incoming, this.#trust)
  }

  get requestId(): string | undefined {
    const { socket, headers } = this.incoming
    if (this.#trust?.trusts(socket.remoteAddress) !== true) return undefined
    return usableId(headers['x-request-id'] as string | undefined)
  }

  /**
   * Called for an uncaught error of this request. The error changes no answer. But it may have ended the code
   * that was to answer, so an answer without progress for {@link STALLED_SECONDS} is ended.
   */
  uncaught(): void {
    const { outgoing } = this
    if (this.#watch !== undefined || outgoing.writableFinished || outgoing.destroyed) return
    if (this.upgrade?.isTaken === true) return
    let written = -1
    let since = 0
    this.#watch = setInterval(() => {
      if (this.upgrade?.isTaken === true) return clearInterval(this.#watch)
      const bytes = outgoing.socket?.bytesWritten ?? 0
      const now = performance.now()
      // While the client reads nothing of an answer (backpressure), a stalled answer is not the app's fault.
      if (bytes !== written || outgoing.writableNeedDrain) {
        written = bytes
        since = now
      } else if (now - since >= STALLED_SECONDS * 1000) {
        if (outgoing.headersSent) outgoing.destroy()
        else refuseLate(outgoing, 500, 'Internal Server Error')
      }
    }, LOOK_MS)
    outgoing.once('close', () => clearInterval(this.#watch))
  }
}

/** Returns the client that sent a request, behind the trusted proxies. */
export function clientOf({ socket, headers }: IncomingMessage, trust: Trust | undefined): ClientInfo {
  const { remoteAddress, remotePort } = socket
  const address = trust?.clientOf(remoteAddress, headers['x-forwarded-for'] as string | undefined)
  return address === undefined || address === remoteAddress
    ? clientInfo(remoteAddress, remotePort)
    : clientInfo(address)
}

/**
 * Sets the client header `name` to the client's address. Without a known address the header is removed, so
 * that the app never reads a value that the client made up.
 */
export function setClientHeader(
  incoming: IncomingMessage,
  trust: Trust | undefined,
  name: ClientHeader,
): void {
  const address = trust === undefined ? peerOf(incoming) : clientOf(incoming, trust).remote.address
  if (address === undefined) delete incoming.headers[name]
  else incoming.headers[name] = address
}

/** Cache of normalised peer addresses by `remoteAddress`, so that each address is parsed once. */
const peers = new Map<string, string | undefined>()
const MAX_PEERS = 1000

/** Returns the normalised address of a TCP connection's peer. */
function peerOf({ socket }: IncomingMessage): string | undefined {
  const { remoteAddress } = socket
  if (remoteAddress === undefined) return undefined
  const known = peers.get(remoteAddress)
  if (known !== undefined) return known
  if (peers.size >= MAX_PEERS) peers.clear()
  const { address } = clientInfo(remoteAddress).remote
  peers.set(remoteAddress, address)
  return address
}

/** Answers a request with a plain-text error in the handler's place and closes the connection. */
export function refuseLate(outgoing: ServerResponse, status: number, text: string): void {
  if (outgoing.headersSent || outgoing.destroyed) return
  outgoing.writeHead(status, [
    'content-type',
    'text/plain; charset=utf-8',
    'content-length',
    String(Buffer.byteLength(text)),
    ...(status === 503 ? ['retry-after', '1'] : []),
    'connection',
    'close',
  ])
  outgoing.end(text)
}
