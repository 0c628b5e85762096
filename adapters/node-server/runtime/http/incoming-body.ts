import type { IncomingMessage, ServerResponse } from 'node:http'
import { isUnmoorError } from '../../../../core/errors.ts'
import { clientGone } from './client-gone.ts'

/** Counts the bytes of a request body; throws beyond the server's limit, after starting the 413 answer. */
export type CountBytes = (bytes: number) => void

/** Reads the whole request body. Rejects if the client goes away or the body exceeds the limit. */
export function readIncoming(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  count: CountBytes | undefined,
): Promise<Buffer<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    checkReadable(incoming, outgoing)
    let first: Buffer<ArrayBuffer> | undefined
    let chunks: Buffer<ArrayBuffer>[] | undefined
    incoming.on('data', (chunk: Buffer<ArrayBuffer>) => {
      try {
        count?.(chunk.byteLength)
      } catch (error) {
        // The rest of a request body over the limit is discarded; the server closes the connection after its
        // 413.
        incoming.removeAllListeners('data').resume()
        reject(error)
        return
      }
      if (first === undefined) first = chunk
      else (chunks ??= [first]).push(chunk)
    })
    incoming.on('end', () =>
      resolve(chunks === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks)),
    )
    // Without an error listener, Node emits only "close" if the client goes away in the middle of a request
    // body. "close" is emitted for a complete message too.
    const onGone = (): void => {
      if (!incoming.readableEnded) reject(brokenOff(incoming))
    }
    incoming.on('error', onGone)
    incoming.on('close', onGone)
  })
}

/** Returns the request body as a byte stream with backpressure: the socket is read only on demand. */
export function streamIncoming(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  count: CountBytes | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let iterator: AsyncIterator<Buffer> | undefined
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      if (iterator === undefined) {
        checkReadable(incoming, outgoing)
        iterator = incoming.iterator({ destroyOnReturn: false })
      }
      let result: IteratorResult<Buffer>
      try {
        result = await iterator.next()
      } catch {
        throw brokenOff(incoming)
      }
      if (result.done === true) {
        controller.close()
        controller.byobRequest?.respond(0)
        return
      }
      count?.(result.value.byteLength)
      // The request body's chunk is copied: a byte stream takes over its chunk's memory, and Node's chunk is
      // part of a shared buffer.
      controller.enqueue(new Uint8Array(result.value))
    },
    async cancel() {
      await iterator?.return?.()
      // The app cancelled the body's stream, but the connection stays open, so the rest of the request body
      // is read and discarded.
      incoming.resume()
    },
  })
}

/** Throws if the request body cannot be read any more; called before the first read. */
function checkReadable(incoming: IncomingMessage, outgoing: ServerResponse): void {
  // Node discards the rest of a request body once the answer is sent, so a later read would wait for ever.
  if (outgoing.writableFinished || incoming.readableEnded)
    throw new TypeError('The request body cannot be read after the answer was sent. Read it before.')
  if (incoming.destroyed) throw brokenOff(incoming)
}

/**
 * Returns the error for a request body that broke off: the client stopped sending, or the connection was lost
 * before the body was read.
 */
function brokenOff({ errored, complete }: IncomingMessage): DOMException {
  if (isUnmoorError(errored, 'Timeout')) return clientGone(errored.message)
  const cause = errored === null ? '' : ` (${errored.message})`
  return clientGone(
    complete
      ? `The connection broke before the request body, which had arrived, was read${cause}.`
      : `The client went away before its request body was complete${cause}.`,
  )
}
