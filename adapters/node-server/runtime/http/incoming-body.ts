import type { IncomingMessage, ServerResponse } from 'node:http'
import { isUnmoorError } from '../../../../core/errors.ts'
import { clientGone } from './client-gone.ts'

/** Counts the bytes of a body; throws beyond the server's limit, after the 413 is on its way. */
export type CountBytes = (bytes: number) => void

/** The whole body. Rejects when the client goes away, or the limit is passed. */
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
        // What still comes is thrown away; the server closes the connection after its 413.
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
    // Node says nothing but "close" where the client goes away in the middle and nobody listens for errors; a
    // complete message closes too.
    const onGone = (): void => {
      if (!incoming.readableEnded) reject(brokenOff(incoming))
    }
    incoming.on('error', onGone)
    incoming.on('close', onGone)
  })
}

/** The body as a byte stream with back-pressure: nothing is read from the socket before it is asked for. */
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
      // A byte stream takes its chunk's memory over, and node's chunk is part of a larger one that others
      // share.
      controller.enqueue(new Uint8Array(result.value))
    },
    async cancel() {
      await iterator?.return?.()
      // The connection lives on: the rest of the body is read past.
      incoming.resume()
    },
  })
}

/** Before the first read. */
function checkReadable(incoming: IncomingMessage, outgoing: ServerResponse): void {
  // Node throws the rest of a body away once the answer is out, and a read would wait for ever.
  if (outgoing.writableFinished || incoming.readableEnded)
    throw new TypeError('The request body cannot be read after the answer was sent. Read it before.')
  if (incoming.destroyed) throw brokenOff(incoming)
}

/**
 * Why the body cannot be had: the client sent no more of it, or all of it was dropped with the connection.
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
