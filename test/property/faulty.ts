/** A way to a target that does one thing wrong, as a target with that fault would. */
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export const FAULTS = ['a lost header', 'UTF-8 header bytes', 'a length', 'a chunk', 'order'] as const
export type Fault = (typeof FAULTS)[number]

interface Answer {
  headers: [name: string, value: string][]
  body: Buffer
  /** True if the app answered with a stream. */
  streamed: boolean
}

/** Each is wrong for some answers only, so that it has to be found. */
const BREAK: Readonly<Record<Fault, (answer: Answer) => void>> = {
  'a lost header': (answer) => {
    answer.headers = answer.headers.filter(([name]) => name.toLowerCase() !== 'x-r3')
  },
  'UTF-8 header bytes': (answer) => {
    answer.headers = answer.headers.map(([name, value]) => [
      name,
      Buffer.from(value, 'utf8').toString('latin1'),
    ])
  },
  'a length': (answer) => {
    if (!answer.streamed && answer.body.length > 400) answer.body = answer.body.subarray(0, 400)
  },
  'a chunk': (answer) => {
    if (answer.streamed && answer.body.length > 200)
      answer.body = Buffer.concat([answer.body.subarray(0, 100), answer.body.subarray(140)])
  },
  order: (answer) => {
    if (answer.streamed && answer.body.length > 200)
      answer.body = Buffer.concat([answer.body.subarray(100), answer.body.subarray(0, 100)])
  },
}

/** Starts a proxy to `origin` with that fault. */
export async function startFaulty(
  origin: string,
  fault: Fault | undefined,
): Promise<{ url: string } & AsyncDisposable> {
  const target = new URL(origin)
  const server = createServer((incoming, outgoing) => {
    const pass = async (): Promise<void> => {
      const sent = httpRequest({
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.rawHeaders,
        setDefaultHeaders: false,
        agent: false,
      })
      incoming.pipe(sent)
      const [received] = (await once(sent, 'response')) as [typeof incoming]
      const raw = received.rawHeaders
      const answer: Answer = {
        headers: raw.flatMap((name, index): [string, string][] =>
          index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : [],
        ),
        body: await buffer(received),
        // A server may send a short stream with its length: what the app did is what the exchange asked for.
        streamed: !String(incoming.headers['x-plan']).includes('"chunks":null'),
      }
      if (fault !== undefined) BREAK[fault](answer)
      const framing = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive'])
      const headers = answer.headers.filter(([name]) => !framing.has(name.toLowerCase())).flat()
      const status = received.statusCode ?? 0
      if (![204, 304].includes(status)) headers.push('content-length', String(answer.body.length))
      outgoing.writeHead(status, headers)
      outgoing.end(answer.body)
    }
    pass().catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
