import { Agent, type IncomingMessage, request as send } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { UnmoorError } from '../../../../core/errors.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 100 })
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/** A call by a service binding to an app that has a process of its own, over that process's socket. */
export async function callOwnProcess(request: Request, socketPath: string): Promise<Response> {
  const { pathname, search, host } = new URL(request.url)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { host, ...Object.fromEntries(request.headers) }
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
  const headers = new Headers()
  for (let index = 0; index + 1 < answer.rawHeaders.length; index += 2) {
    const name = answer.rawHeaders[index] as string
    if (!/^(connection|keep-alive|transfer-encoding)$/i.test(name))
      headers.append(name, answer.rawHeaders[index + 1] as string)
  }
  const status = answer.statusCode as number
  if (NO_BODY.has(status)) answer.resume()
  const body = NO_BODY.has(status)
    ? null
    : (Readable.toWeb(answer) as ReadableStream<Uint8Array<ArrayBuffer>>)
  return new Response(body, { status, statusText: answer.statusMessage ?? '', headers })
}
