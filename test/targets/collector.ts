/**
 * The servers of the tests of tracing: a collector of OpenTelemetry that keeps the spans that it is sent, and one
 * that echoes headers.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A received span, with its attributes as plain values. */
export interface ReceivedSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  flags: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Record<string, string | number | boolean>
  links?: { traceId: string; spanId: string; flags: number }[]
  status: { code?: number }
}

/** A POST that a {@link Collector} received. */
export interface ReceivedPost {
  path: string
  headers: IncomingHttpHeaders
  resource: Record<string, unknown>
  spans: ReceivedSpan[]
}

/** What a collector does with a POST: take it, answer a status with a text, or never answer. */
export type Behaviour = 'take' | 'hang' | { status: number; body: string }

export interface Collector extends AsyncDisposable {
  url: string
  posts: ReceivedPost[]
  spans(): ReceivedSpan[]
}

interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean }
}

function plain(attributes: Attribute[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const { stringValue, intValue, doubleValue, boolValue } = value
      const found = stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue) : Number(intValue))
      if (found === undefined) throw new TypeError(`The attribute ${key} has no value.`)
      return [key, found]
    }),
  )
}

/** Starts a collector on a free port. */
export async function startCollector(behaviour: Behaviour = 'take'): Promise<Collector> {
  const posts: ReceivedPost[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { resourceSpans } = JSON.parse(body) as {
        resourceSpans: {
          resource: { attributes: Attribute[] }
          scopeSpans: { spans: (ReceivedSpan & { attributes: Attribute[] })[] }[]
        }[]
      }
      for (const { resource, scopeSpans } of resourceSpans)
        posts.push({
          path: request.url ?? '',
          headers: request.headers,
          resource: plain(resource.attributes),
          spans: scopeSpans.flatMap(({ spans }) =>
            spans.map((span) => ({ ...span, attributes: plain(span.attributes as unknown as Attribute[]) })),
          ),
        })
      if (behaviour === 'hang') return
      if (behaviour === 'take') response.setHeader('content-type', 'application/json').end('{}')
      else response.writeHead(behaviour.status).end(behaviour.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    spans: () => posts.flatMap(({ spans }) => spans),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** A server that answers with the headers that it was sent. */
export async function startEcho(): Promise<{ url: string; stop: () => void }> {
  const server = createServer((request, response) => response.end(JSON.stringify(request.headers)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
