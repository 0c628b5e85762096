/**
 * `content-encoding` as workerd has it. On an answer that a Worker makes, gzip and br ask for that coding of
 * the body, unless it is given with `encodeBody: 'manual'`; an answer that was fetched keeps the label, and
 * its body is decoded.
 */
import { CODING } from '../../runtime/coding.ts'
import { extendGlobal } from './extend-global.ts'

/** What workerd encodes and decodes: by its label, with the name that a CompressionStream has for it. */
const FORMATS: Readonly<Record<string, string>> = { gzip: 'gzip', br: 'brotli' }

/** Responses whose body is encoded by the Worker itself. */
const manual = new WeakSet<object>()
/** Bodies of answers that were fetched. */
const fetched = new WeakSet<object>()

/** Responses whose body the Worker gave as a stream. */
const streamed = new WeakSet<object>()

/** Puts `encodeBody` and the labels of fetched answers in place. */
export function installEncodeBody(): void {
  extendGlobal('Response', {
    made(response, [body, init]) {
      if (body instanceof ReadableStream) streamed.add(response)
      if ((init as { encodeBody?: unknown } | null | undefined)?.encodeBody === 'manual') manual.add(response)
    },
    cloned(copy, original) {
      if (manual.has(original)) manual.add(copy)
    },
  })
  const own = globalThis.fetch
  const labelled = async (...args: Parameters<typeof fetch>): Promise<Response> => {
    const response = await own(...args)
    const coding = (response as { [CODING]?: string })[CODING]?.trim().toLowerCase()
    return coding === undefined || !Object.hasOwn(FORMATS, coding) ? response : withLabel(response, coding)
  }
  Object.defineProperty(labelled, 'name', { value: 'fetch' })
  Object.defineProperty(globalThis, 'fetch', { value: labelled, writable: true, configurable: true })
}

/** The response itself with the label: a new one would have no URL. */
function withLabel(response: Response, coding: string): Response {
  const clone = response.clone.bind(response)
  const headers = new Headers(response.headers)
  headers.set('content-encoding', coding)
  if (response.body !== null) fetched.add(response.body)
  const refuse = (): never => {
    throw new TypeError("Can't modify immutable headers.")
  }
  for (const change of ['append', 'set', 'delete']) Object.defineProperty(headers, change, { value: refuse })
  return Object.defineProperties(response, {
    headers: { value: headers, configurable: true },
    clone: {
      value: () => {
        const copy = withLabel(clone(), coding)
        // A clone takes the original's stream, which is another from then on.
        if (response.body !== null) fetched.add(response.body)
        return copy
      },
      configurable: true,
    },
  })
}

/** Microtasks that a renderer may take until what it has going on has settled. */
const HOPS = 64

/** True if the Worker gave the body as a stream. */
export function isStreamed(response: Response): boolean {
  return streamed.has(response)
}

/**
 * Waits until a stream may be read. workerd reads an answer's stream once all microtasks have run: React
 * sends the stand-in of a suspended part when it is asked before.
 */
export async function settled(): Promise<void> {
  for (let hop = 0; hop < HOPS; hop++) await Promise.resolve()
}

/** True if the Worker encoded the body. */
export function isManual(response: Response): boolean {
  return manual.has(response)
}

/**
 * An answer as it is sent, by its label. One whose body was only passed on goes as it is, without the label,
 * and so does one that the client, or this engine, has no such coding for.
 */
export function encodeAnswer(request: Request, response: Response): Response {
  const coding = response.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  const format = FORMATS[coding]
  const { body } = response
  if (format === undefined || body === null || request.method === 'HEAD' || manual.has(response))
    return response
  const headers = new Headers(response.headers)
  headers.delete('content-length')
  // Events must not wait for a block of the compressor's.
  const isEvents = headers.get('content-type')?.startsWith('text/event-stream') === true
  const compressor = fetched.has(body) || isEvents || !accepts(request, coding) ? undefined : open(format)
  if (compressor === undefined) headers.delete('content-encoding')
  return new Response(compressor === undefined ? body : body.pipeThrough(compressor), {
    status: response.status,
    statusText: response.statusText,
    headers,
  })
}

function accepts(request: Request, coding: string): boolean {
  const list = request.headers.get('accept-encoding')?.split(',') ?? []
  return list.some((part) => {
    const [name = '', quality = ''] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/)
    return (name === coding || name === '*') && !/^q=0(?:\.0*)?$/.test(quality)
  })
}

/** Undefined where this engine lacks it. */
function open(format: string): CompressionStream | undefined {
  try {
    return new CompressionStream(format as 'gzip')
  } catch {
    return undefined
  }
}
