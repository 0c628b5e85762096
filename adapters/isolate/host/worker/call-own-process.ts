import { type IncomingMessage, request as send } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { UnmoorError } from '../../../../core/errors.ts'
import { endToEndFields, plainLength } from '../../../node-server/runtime/http/message-fields.ts'
import type { Place } from './apart-apps.ts'
import { connectTo, type FindPlace, ownFields, PEER, proof, whyNot } from './forward.ts'

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * Makes a service binding's call to an app in a process of its own, over that process's socket. Callers share
 * its connections, so the framing of a call is decided here and never by its headers.
 *
 * @throws `Unavailable` if the app's process does not run, or ends before it has answered.
 */
export async function callOwnProcess(
  request: Request,
  app: string,
  findPlace: FindPlace,
  forwardKey: string | undefined,
): Promise<Response> {
  const place = await findPlace()
  const reason = whyNot(place)
  if (place === undefined || reason !== undefined)
    throw new UnmoorError('Unavailable', `The app "${app}" is not there: ${reason}.`, { operation: 'fetch' })
  const { method } = request
  const { protocol, pathname, search, host } = new URL(request.url)
  const target = pathname + search
  const fields = ownFields([...request.headers].flat())
  const headers = ['host', host]
  for (let index = 0; index < fields.length; index += 2)
    if (fields[index] !== 'host') headers.push(fields[index] as string, fields[index + 1] as string)
  if (request.body !== null) headers.push('transfer-encoding', 'chunked')
  else if (method !== 'GET' && method !== 'HEAD') headers.push('content-length', '0')
  // A call by another app has no client address, only a scheme.
  const peer = protocol.slice(0, -1)
  headers.push(PEER, peer, ...proof(place as Place, forwardKey, { app, method, target, peer, hops: 1 }))
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const onward = send(
      { ...connectTo(place as Place, forwardKey), method, path: target, headers, signal: request.signal },
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
