import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { refuse } from './refuse.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 100 })

/**
 * Passes a request on to the process of an app that has one of its own. The only hop of a host, and only for
 * such apps.
 */
export function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  socketPath: string,
  target: string,
): void {
  const onward = request(
    {
      agent,
      socketPath,
      method: incoming.method,
      path: target,
      headers: incoming.rawHeaders,
      setHost: false,
    },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
      answer.pipe(outgoing)
      answer.once('error', () => outgoing.destroy())
    },
  )
  onward.once('error', () => {
    if (outgoing.headersSent) outgoing.destroy()
    else
      refuse(outgoing, 503, "the app's process ended while it served this request, or is being started again")
  })
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) onward.destroy()
  })
  incoming.pipe(onward)
}
