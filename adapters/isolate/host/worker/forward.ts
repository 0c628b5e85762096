import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { endToEndFields, plainLength } from '../../../node-server/runtime/http/message-fields.ts'
import { refuse } from './refuse.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 100 })

/** Where a process is reached; a promise while another version's process is about to be there. */
export type FindSocket = () => string | Promise<string | undefined>

/**
 * Passes a request on to the process of an app that has one of its own. The only hop of a host, and only for
 * such apps. Both messages are framed anew: no field of one connection goes over to the other.
 */
export function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  findSocket: FindSocket,
  target: string,
): void {
  const found = findSocket()
  if (typeof found === 'string') return passTo(incoming, outgoing, { socketPath: found, findSocket, target })
  void found.then((socketPath) => {
    if (outgoing.destroyed) return
    if (socketPath === undefined) refuse(outgoing, 503, 'the app is being replaced by another version')
    else passTo(incoming, outgoing, { socketPath, findSocket, target })
  })
}

function passTo(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { socketPath, findSocket, target }: { socketPath: string; findSocket: FindSocket; target: string },
): void {
  const { method } = incoming
  const onward = request(
    { agent, socketPath, method, path: target, headers: requestFields(incoming), setHost: false },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answerFields(answer))
      answer.pipe(outgoing)
      answer.once('error', () => outgoing.destroy())
    },
  )
  const abandon = (): void => {
    if (!outgoing.writableFinished) onward.destroy()
  }
  outgoing.once('close', abandon)
  let isSent = false
  // Not before there is a connection: what was read cannot be sent to another process.
  const send = (): void => {
    isSent = true
    incoming.pipe(onward)
  }
  onward.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', send)
    else send()
  })
  onward.once('error', () => {
    outgoing.off('close', abandon)
    if (outgoing.headersSent) return void outgoing.destroy()
    // It waited for a free connection while its process was replaced.
    if (!isSent && findSocket() !== socketPath) return passOn(incoming, outgoing, findSocket, target)
    refuse(outgoing, 503, "the app's process ended while it served this request, or is being started again")
  })
}

/** By which the process of an app learns who sent a request; its socket is open to the host alone. */
const PEER = 'unmoor-host-peer'

/** Fields of a request to the process of an app, which `raw` names and values may not decide on. */
export function ownFields(raw: readonly string[]): string[] {
  const fields: string[] = []
  const copied = endToEndFields(raw)
  for (let index = 0; index + 1 < copied.length; index += 2)
    if ((copied[index] as string).toLowerCase() !== PEER)
      fields.push(copied[index] as string, copied[index + 1] as string)
  return fields
}

function requestFields({ method, headers, rawHeaders, socket }: IncomingMessage): string[] {
  const fields = ownFields(rawHeaders)
  if (socket.remoteAddress !== undefined) fields.push(PEER, `${socket.remoteAddress} ${socket.remotePort}`)
  if (headers['transfer-encoding'] !== undefined) fields.push('transfer-encoding', 'chunked')
  else if (headers['content-length'] !== undefined) fields.push('content-length', headers['content-length'])
  // Else node:http would announce chunks.
  else if (method !== 'GET' && method !== 'HEAD') fields.push('content-length', '0')
  return fields
}

/** node:http has read the answer by these very fields, so its length is what they say. */
function answerFields({ headers, rawHeaders }: IncomingMessage): string[] {
  const fields = endToEndFields(rawHeaders)
  const length = plainLength(headers['content-length'])
  if (length !== undefined && headers['transfer-encoding'] === undefined)
    fields.push('content-length', length)
  return fields
}

/** Takes what {@link passOn} added out of a message again: the other end of the client's own connection. */
export function takePeer({ headers, socket }: IncomingMessage): void {
  const [address, port] = ((headers[PEER] as string | undefined) ?? '').split(' ')
  delete headers[PEER]
  // The connection carries one request at a time, so what it says holds for this one.
  Object.defineProperties(socket, {
    remoteAddress: { value: address || undefined, configurable: true },
    remotePort: { value: port === undefined ? undefined : Number(port), configurable: true },
  })
}
