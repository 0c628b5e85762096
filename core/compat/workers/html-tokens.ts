/**
 * Makes the tokens passed to HTMLRewriter handlers accept arguments as workerd does: any value is converted
 * to text, and content may be a stream or a Response. Unpatched, the parser would read a non-text value as a
 * text from its own memory.
 */
import { Comment, DocumentEnd, Element, EndTag, TextChunk } from 'html-rewriter-wasm'
import { toText, wrongArgument, wrongType } from './coerce.ts'

type Method = (this: object, ...args: unknown[]) => unknown
type Handler = (token: object) => unknown

/** Number of text arguments of each method of HTMLRewriter's tokens. */
const TEXTS: readonly (readonly [{ name: string; prototype: object }, Readonly<Record<string, number>>])[] = [
  [Element, { getAttribute: 1, hasAttribute: 1, setAttribute: 2, removeAttribute: 1 }],
]
const CONTENT: readonly (readonly [{ name: string; prototype: object }, readonly string[], boolean])[] = [
  [Element, ['before', 'after', 'replace', 'prepend', 'append', 'setInnerContent'], true],
  [TextChunk, ['before', 'after', 'replace'], true],
  [EndTag, ['before', 'after'], true],
  [Comment, ['before', 'after', 'replace'], false],
  [DocumentEnd, ['append'], false],
]
const SETTERS: readonly (readonly [{ prototype: object }, string])[] = [
  [Element, 'tagName'],
  [EndTag, 'name'],
  [Comment, 'text'],
]

/** Calls of an HTMLRewriter token's methods, in order, that wait until the first has read its stream. */
const waiting = new WeakMap<object, (() => Promise<void>)[]>()

/** Number of attribute changes of each HTMLRewriter element, by which attribute iterators detect a change. */
const modified = new WeakMap<object, number>()
const changes: ReadonlySet<string> = new Set(['setAttribute', 'removeAttribute'])

let isPatched = false

/** Patches HTMLRewriter's token classes so that their methods accept what workerd's accept. */
export function patchTokens(): void {
  if (isPatched) return
  isPatched = true
  for (const [Class, methods] of TEXTS)
    for (const [name, count] of Object.entries(methods))
      replace(Class.prototype, name, (method) => {
        return function (...args) {
          if (args.length < count) throw wrongArgument(Class.name, name, args.length + 1, 'string')
          if (changes.has(name)) modified.set(this, (modified.get(this) ?? 0) + 1)
          return method.call(this, ...args.slice(0, count).map(toText))
        }
      })
  guardAttributes()
  for (const [Class, names, takesStreams] of CONTENT)
    for (const name of names) replace(Class.prototype, name, contentMethod(Class.name, name, takesStreams))
  for (const [{ prototype }, name] of SETTERS) {
    const found = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor
    Object.defineProperty(prototype, name, {
      ...found,
      set(this: object, value: unknown) {
        found.set?.call(this, toText(value))
      },
    })
  }
  replace(Element.prototype, 'onEndTag', (method) => {
    return function (handler) {
      if (typeof handler !== 'function') throw wrongArgument('Element', 'onEndTag', 1, 'function')
      return method.call(
        this,
        settled((token) => (handler as Handler)(token)),
      )
    }
  })
}

/** Makes an HTMLRewriter element's iterator of attributes throw once the attributes have been changed. */
function guardAttributes(): void {
  const found = Object.getOwnPropertyDescriptor(Element.prototype, 'attributes') as PropertyDescriptor
  Object.defineProperty(Element.prototype, 'attributes', {
    configurable: true,
    get(this: object) {
      const attributes = found.get?.call(this) as IterableIterator<unknown>
      return unmodified(this, attributes)
    },
  })
}

function* unmodified(element: object, attributes: Iterator<unknown>): Generator<unknown> {
  const before = modified.get(element)
  for (;;) {
    if (modified.get(element) !== before)
      throw new TypeError(
        'The attributes of this element have been modified during iteration. You must create a new ' +
          'iterator after modifying attributes.',
      )
    const { done, value } = attributes.next()
    if (done === true) return
    yield value
  }
}

function contentMethod(owner: string, name: string, takesStreams: boolean): (method: Method) => Method {
  return (method) =>
    function (...args) {
      const [content, options] = args
      if (args.length === 0) throw wrongArgument(owner, name, 1, 'string or JsReadableStream or Response')
      const isObject = typeof options === 'object' || typeof options === 'function' || options === undefined
      if (!isObject) throw wrongArgument(owner, name, 2, 'ContentOptions')
      const how = { html: Boolean((options as { html?: unknown } | null | undefined)?.html) }
      const isStream = content instanceof ReadableStream || content instanceof Response
      if (isStream && !takesStreams)
        throw new TypeError(
          'Replacing content in HTML comments using a ReadableStream or Response object is not ' +
            'implemented. You must provide a string.',
        )
      const queue = waiting.get(this)
      if (!isStream && queue === undefined) return method.call(this, toText(content), how)
      const text = isStream ? undefined : toText(content)
      const call = async (): Promise<void> => {
        method.call(this, text ?? (await read(content as ReadableStream | Response)), how)
      }
      if (queue === undefined) waiting.set(this, [call])
      else queue.push(call)
      return this
    }
}

/** Reads content for HTMLRewriter, a stream or Response, as text. @throws `TypeError` for invalid UTF-8. */
async function read(content: ReadableStream | Response): Promise<string> {
  const response =
    content instanceof Response ? content : new Response(content as ReadableStream<Uint8Array<ArrayBuffer>>)
  const bytes = await response.arrayBuffer()
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw new TypeError('Parser error: Invalid UTF-8')
  }
}

/**
 * Wraps an HTMLRewriter handler so that it completes only when the streams that the handler inserted have
 * been read.
 */
function settled(handler: Handler): Handler {
  return (token) => {
    const result = handler(token)
    if (!(result instanceof Promise) && !waiting.has(token)) return result
    return (async () => {
      await result
      for (const call of waiting.get(token) ?? []) await call()
      waiting.delete(token)
    })()
  }
}

/**
 * Converts HTMLRewriter's handlers to the parser's form. @throws `TypeError` as workerd does, for a handler
 * that is not a function.
 */
export function readHandlers(given: unknown, names: readonly string[], dictionary: string): object {
  const handlers: Record<string, Handler> = {}
  for (const name of names) {
    const handler = (given as Record<string, unknown> | null | undefined)?.[name]
    if (handler === undefined) continue
    if (typeof handler !== 'function') throw wrongType(name, dictionary, 'function')
    handlers[name] = settled((token) => handler.call(given, token) as unknown)
  }
  return handlers
}

function replace(prototype: object, name: string, make: (method: Method) => Method): void {
  const method = (prototype as Record<string, unknown>)[name] as Method
  Object.defineProperty(prototype, name, { value: make(method), writable: true, configurable: true })
}
