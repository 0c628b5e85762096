/** `node:stream/consumers` in an isolate: functions that read a whole stream, Node's or the web's. */
import { Buffer } from './buffer.ts'

type Source = AsyncIterable<unknown>

/** Returns all bytes of a stream. Chunks of text count as UTF-8. */
export async function bytes(stream: Source): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream)
    chunks.push(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : viewOf(chunk))
  return new Uint8Array(Buffer.concat(chunks))
}

function viewOf(chunk: unknown): Uint8Array {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  throw Object.assign(new TypeError('A chunk of the stream is neither text nor bytes.'), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
}

export async function arrayBuffer(stream: Source): Promise<ArrayBufferLike> {
  return (await bytes(stream)).buffer
}

export async function blob(stream: Source): Promise<Blob> {
  return new Blob([new Uint8Array(await bytes(stream))])
}

export async function buffer(stream: Source): Promise<Uint8Array> {
  return Buffer.from((await bytes(stream)).buffer)
}

export async function text(stream: Source): Promise<string> {
  return new TextDecoder().decode(await bytes(stream))
}

export async function json(stream: Source): Promise<unknown> {
  return JSON.parse(await text(stream))
}

const consumers = { arrayBuffer, blob, buffer, bytes, json, text }
export default consumers
export { consumers as 'module.exports' }
