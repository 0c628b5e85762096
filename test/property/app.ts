/** The app that every target runs: it tells what it got, in the way that the exchange asks for. */
import { defineApp } from 'unmoor'

/** How the app is to answer, as JSON in the header `x-plan`. */
export interface Plan {
  /** What of the request the answer's body is made of. */
  read: 'bytes' | 'text' | 'stream' | 'form' | 'clone'
  status: number
  /** Values as Latin-1. */
  headers: [name: string, value: string][]
  /** Sizes of the chunks that a streamed answer begins with; null for an answer of known length. */
  chunks: number[] | null
}

const hex = (bytes: Uint8Array): string => bytes.toHex()

async function readBody(request: Request, how: Plan['read']): Promise<unknown> {
  if (how === 'text') return request.text()
  if (how === 'clone') {
    const copy = request.clone()
    return [hex(await request.bytes()), hex(await copy.bytes())]
  }
  if (how === 'form') {
    try {
      const fields: unknown[] = []
      for (const [name, value] of await request.formData())
        fields.push(
          typeof value === 'string'
            ? [name, value]
            : [name, value.name, value.type, hex(await value.bytes())],
        )
      return fields
    } catch (error) {
      return (error as Error).name
    }
  }
  if (how === 'bytes') return hex(await request.bytes())
  let text = ''
  if (request.body !== null) for await (const chunk of request.body) text += hex(chunk)
  return text
}

function chunked(bytes: Uint8Array<ArrayBuffer>, sizes: readonly number[]): ReadableStream<Uint8Array> {
  let at = 0
  let index = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      const end = index < sizes.length ? Math.min(bytes.length, at + (sizes[index++] ?? 1)) : bytes.length
      controller.enqueue(bytes.slice(at, end))
      at = end
    },
  })
}

export default defineApp({
  bindings: {},
  async fetch(request) {
    const plan = JSON.parse(request.headers.get('x-plan') ?? '') as Plan
    const url = new URL(request.url)
    const seen = JSON.stringify({
      method: request.method,
      path: url.pathname,
      query: url.search,
      headers: [...request.headers].filter(([name]) => name.startsWith('x-q') || name === 'content-type'),
      body: await readBody(request, plan.read),
    })
    const bytes = new TextEncoder().encode(seen)
    const empty = [204, 205, 304].includes(plan.status)
    return new Response(empty ? null : plan.chunks === null ? bytes : chunked(bytes, plan.chunks), {
      status: plan.status,
      headers: plan.headers,
    })
  },
})
