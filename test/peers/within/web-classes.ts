/** Stands for the modules of Node that have web classes and helpers of streams, which a Worker has as globals. */
const OwnReadableStream = globalThis.ReadableStream
const OwnBlob = globalThis.Blob
const OwnTextDecoder = globalThis.TextDecoder
const OwnTextEncoder = globalThis.TextEncoder
export {
  OwnBlob as Blob,
  OwnReadableStream as ReadableStream,
  OwnTextDecoder as TextDecoder,
  OwnTextEncoder as TextEncoder,
}

/** As `node:stream/consumers` has it. */
export const text = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text()
