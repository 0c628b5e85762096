import { Agent, type IncomingMessage, request as send } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { UnmoorError } from '../../../../core/errors.ts'
import { endToEndFields, plainLength } from '../../../node-server/runtime/http/message-fields.ts'
import { type FindSocket, ownFields } from './forward.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 100 })
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * A call by a service binding to an app that has a process of its own, over that process's socket. Callers
 * share its connections, so how a call is framed is decided here, whatever its headers say.
 *
 * @throws `Unavailable` where the process is not there, or ends before it has answered.
 */
export async function callOwnProcess(request: Request, findSocket: FindSocket): Promise<Response> {
  const socketPath = await findSocket()
  if (socketPath === undefined)
    throw new UnmoorError('Unavailable', 'The app is being replaced by another version.', {
      operation: 'fetch',
    })
  const { pathname, search, host } = new URL(request.url)
  const fields = ownFields([...request.headers].flat())
  const headers = ['host', host]
  for (let index = 0; index < fields.length; index += 2)
    if (fields[index] !== 'host') headers.push(fields[index] as string, fields[index + 1] as string)
  if (request.body !== null) headers.push('transfer-encoding', 'chunked')
  else if (request.method !== 'GET' && request.method !== 'HEAD') headers.push('content-length', '0')
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const onward = send(
      { agent, socketPath, method: request.method, path: pathname + search, headers, signal: request.signal },
      resolve,
    )
    onward.once('error', (cause) =>
      reject(
        new UnmoorError('Unavailable', "The app's process ended, or is being started again.", {
          operation: 'fetch',
          cause,
        }),
      ),
    )
    if (request.body === null) onward.end()
    else
      Readable.fromWeb(request.body as NodeReadableStream<Uint8Array>)
        .once('error', (error) => onward.destroy(error))
        .pipe(onward)
  })
  return toResponse(answer)
}

function toResponse(answer: IncomingMessage): Response {
  const headers = new Headers()
  const answered = endToEndFields(answer.rawHeaders)
  for (let index = 0; index + 1 < answered.length; index += 2)
    headers.append(answered[index] as string, answered[index + 1] as string)
  const length = plainLength(answer.headers['content-length'])
  if (length !== undefined) headers.set('content-length', length)
  const status = answer.statusCode as number
  if (NO_BODY.has(status)) answer.resume()
  const body = NO_BODY.has(status)
    ? null
    : (Readable.toWeb(answer) as ReadableStream<Uint8Array<ArrayBuffer>>)
  return new Response(body, { status, statusText: answer.statusMessage ?? '', headers })
}
