/**
 * Implements `content-encoding` as workerd does. The header gzip or br on a Worker's response makes the body
 * be compressed, unless it was created with `encodeBody: 'manual'`. A fetched response keeps the header, and
 * its body is decoded.
 */
import { CODING } from '../../runtime/coding.ts'
import { extendGlobal } from './extend-global.ts'
import { withHeaderText } from './header-text.ts'
import { cfOf, defineCf, toFetchArguments } from './request-extras.ts'

/**
 * Content encodings of HTTP bodies that workerd encodes and decodes, each with its CompressionStream format.
 */
const FORMATS: Readonly<Record<string, string>> = { gzip: 'gzip', br: 'brotli' }

/** Responses whose body the Worker has compressed itself (`encodeBody: 'manual'`). */
const manual = new WeakSet<object>()
/** Bodies of responses that a Worker has fetched. */
const fetched = new WeakSet<object>()

/** Responses that the Worker created with a stream as their body. */
const streamed = new WeakSet<object>()

/** Installs the option `encodeBody` of Response, and `content-encoding` on fetched responses. */
export function installEncodeBody(): void {
  extendGlobal('Response', {
    prepare: ([body, init, ...rest]) => [body, withHeaderText(init), ...rest],
    made(response, [body, init]) {
      if (body instanceof ReadableStream) streamed.add(response)
      if ((init as { encodeBody?: unknown } | null | undefined)?.encodeBody === 'manual') manual.add(response)
      defineCf(response, cfOf(init))
    },
    cloned(copy, original) {
      if (manual.has(original)) manual.add(copy)
      defineCf(copy, cfOf(original))
    },
  })
  installJson()
  const own = globalThis.fetch
  const labelled = async (...args: Parameters<typeof fetch>): Promise<Response> => {
    const response = await own(...(toFetchArguments(args) as Parameters<typeof fetch>))
    const coding = (response as { [CODING]?: string })[CODING]?.trim().toLowerCase()
    return coding === undefined || !Object.hasOwn(FORMATS, coding) ? response : withLabel(response, coding)
  }
  Object.defineProperty(labelled, 'name', { value: 'fetch' })
  Object.defineProperty(globalThis, 'fetch', { value: labelled, writable: true, configurable: true })
}

/** Replaces `Response.json`, which takes header values as text, and undefined as workerd does. */
function installJson(): void {
  const json = Response.json.bind(Response)
  const replaced = (...args: [data?: unknown, init?: ResponseInit]): Response => {
    const [data, init] = args
    const options = withHeaderText(init) as ResponseInit | undefined
    if (args.length === 0 || JSON.stringify(data) !== undefined) return json(data, options)
    const response = json(null, options)
    return new Response('undefined', response)
  }
  Object.defineProperty(replaced, 'name', { value: 'json' })
  Object.defineProperty(Response, 'json', { value: replaced, writable: true, configurable: true })
}

/** Sets content-encoding on a fetched response itself, since a copy of the Response would have no URL. */
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
        // Cloning a fetched response replaces its body's stream, so the new stream is registered too.
        if (response.body !== null) fetched.add(response.body)
        return copy
      },
      configurable: true,
    },
  })
}

/** Number of microtasks to wait before a streamed body is read, for a renderer such as React's to settle. */
const HOPS = 64

/** True if the Worker created the response with a stream as its body. */
export function isStreamed(response: Response): boolean {
  return streamed.has(response)
}

/**
 * Waits before the stream of a Worker's response is read. workerd reads it after all microtasks have run;
 * read earlier, React would send the fallback of a suspended part.
 */
export async function settled(): Promise<void> {
  for (let hop = 0; hop < HOPS; hop++) await Promise.resolve()
}

/** True if the Worker has compressed the response's body itself. */
export function isManual(response: Response): boolean {
  return manual.has(response)
}

/**
 * Returns a Worker's response as it is sent to the client: compressed by its content-encoding. A body that
 * was fetched and passed on, or whose encoding the client or this engine lacks, is sent uncompressed without
 * the header.
 */
export function encodeAnswer(request: Request, response: Response): Response {
  const coding = response.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  const format = FORMATS[coding]
  const { body } = response
  if (format === undefined || body === null || request.method === 'HEAD' || manual.has(response))
    return response
  const headers = new Headers(response.headers)
  headers.delete('content-length')
  // Server-sent events are not compressed: an event must not wait until the compressor's block is full.
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

/** Creates a CompressionStream; undefined if this engine lacks the format. */
function open(format: string): CompressionStream | undefined {
  try {
    return new CompressionStream(format as 'gzip')
  } catch {
    return undefined
  }
}
