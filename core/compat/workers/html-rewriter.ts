import { HTMLRewriter as Rewriter } from 'html-rewriter-wasm'
import { toText, wrongArgument } from './coerce.ts'
import { patchTokens, readHandlers } from './html-tokens.ts'
import { asInterface } from './interface.ts'

type Handlers = object
const OF_ELEMENTS = ['element', 'comments', 'text']
const OF_DOCUMENT = ['doctype', 'comments', 'text', 'end']

/**
 * Bytes of output that HTMLRewriter buffers before anybody reads: a Worker may write a small document whole,
 * awaiting each write, and only then read it.
 */
const AHEAD = 16 * 1024

/** Cloudflare's HTMLRewriter, over the same parser (compiled to WebAssembly). */
export class HTMLRewriter {
  #handlers: (['element', string, Handlers] | ['document', Handlers])[] = []

  constructor() {
    patchTokens()
  }

  on(selector: string, handlers: Handlers): this {
    if (!isTable(handlers)) throw wrongArgument('HTMLRewriter', 'on', 2, 'ElementContentHandlers')
    const given = readHandlers(handlers, OF_ELEMENTS, 'ElementContentHandlers')
    this.#handlers.push(['element', toText(selector), given])
    return this
  }

  onDocument(handlers: Handlers): this {
    if (!isTable(handlers)) throw wrongArgument('HTMLRewriter', 'onDocument', 1, 'DocumentContentHandlers')
    this.#handlers.push(['document', readHandlers(handlers, OF_DOCUMENT, 'DocumentContentHandlers')])
    return this
  }

  transform(response: Response): Response {
    if (!(response instanceof Response)) throw wrongArgument('HTMLRewriter', 'transform', 1, 'Response')
    const { body } = response
    checkEncoding(response.headers.get('content-type'))
    // HTMLRewriter returns a response without a body unchanged.
    if (body === null) return response
    const headers = new Headers(response.headers)
    headers.delete('content-length')
    const handlers = this.#handlers
    let rewriter: Rewriter | undefined
    const transformer: Transformer<Uint8Array, Uint8Array> & { cancel(): void } = {
      start(controller) {
        rewriter = new Rewriter((chunk) => {
          // An empty chunk of HTMLRewriter's output marks its end. Other chunks are copied: the parser reuses
          // their memory.
          if (chunk.byteLength > 0) controller.enqueue(chunk.slice())
        })
        for (const handler of handlers) {
          if (handler[0] === 'element') rewriter.on(handler[1], handler[2])
          else rewriter.onDocument(handler[1])
        }
      },
      transform: (chunk) => rewriter?.write(chunk),
      async flush() {
        await rewriter?.end()
        rewriter?.free()
      },
      cancel: () => rewriter?.free(),
    }
    const ahead = new ByteLengthQueuingStrategy({ highWaterMark: AHEAD })
    const rewritten = (body as ReadableStream<Uint8Array>).pipeThrough(
      new TransformStream(transformer, undefined, ahead),
    )
    return new Response(rewritten as ReadableStream<Uint8Array<ArrayBuffer>>, {
      status: response.status,
      statusText: response.statusText,
      headers,
    })
  }
}

asInterface(HTMLRewriter, 'HTMLRewriter', {
  sync: { on: ['string', 'ElementContentHandlers'], onDocument: ['DocumentContentHandlers'] },
})

/** True for what Web IDL takes as a dictionary; null and undefined are empty ones. */
function isTable(value: unknown): boolean {
  return value === null || value === undefined || typeof value === 'object' || typeof value === 'function'
}

/**
 * Checks the charset of an HTML response's content type. @throws TypeError for a charset that no browser
 * knows.
 */
function checkEncoding(type: string | null): void {
  const label = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(type ?? '')?.[1]
  if (label !== undefined && !isEncoding(label))
    throw new TypeError('Parser error: Unknown character encoding has been provided.')
}

function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== ''
  } catch {
    return false
  }
}
