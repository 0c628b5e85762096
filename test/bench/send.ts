import { Agent, request } from 'node:http'

/** One connection, kept open. */
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

/** One request, over a connection that is kept open. fetch() would not send a Host header. */
export function send(
  url: string,
  {
    method,
    path,
    body,
    host,
  }: { method: string; path: string; body?: string | undefined; host?: string | undefined },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      { method, agent, headers: host === undefined ? {} : { host } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve({ status: response.statusCode as number, text }))
        response.once('error', reject)
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}
