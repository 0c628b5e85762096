/**
 * How many bytes streams will give that come from outside: bodies of incoming requests and of fetched
 * answers. Where one is the body of another request, its length goes along, as on workerd.
 */
const lengths = new WeakMap<ReadableStream, number>()

/** Notes the length that `stream` comes with. */
export function noteLength(stream: ReadableStream | null, length: string | number | null | undefined): void {
  if (stream !== null && length !== null && length !== undefined) lengths.set(stream, Number(length))
}

/** Undefined where nobody knows it before the stream's end. */
export function knownLength(stream: ReadableStream): number | undefined {
  return lengths.get(stream)
}
