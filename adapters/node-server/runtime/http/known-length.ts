/**
 * Byte lengths of streams that come from outside: bodies of incoming requests and of fetched responses. If
 * such a stream becomes the body of another request, its length is sent as content-length, as on workerd.
 */
const lengths = new WeakMap<ReadableStream, number>()

/** Records the byte length of a stream. */
export function noteLength(stream: ReadableStream | null, length: string | number | null | undefined): void {
  if (stream !== null && length !== null && length !== undefined) lengths.set(stream, Number(length))
}

/** Returns the byte length of a stream; undefined if it is unknown before the stream's end. */
export function knownLength(stream: ReadableStream): number | undefined {
  return lengths.get(stream)
}
