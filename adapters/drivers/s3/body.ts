import type { IncomingMessage } from 'node:http'
import { toUnmoorError } from '../aws/errors.ts'
import { HttpFailure } from '../aws/http.ts'

/**
 * Converts an S3 answer's body to a web stream of plain byte arrays, read on demand. Cancelling the stream
 * closes the connection.
 */
export function bodyStream(body: IncomingMessage, target: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer<ArrayBuffer>>
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next()
          if (done) controller.close()
          else controller.enqueue(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
        } catch (error) {
          const failure =
            error instanceof HttpFailure
              ? error
              : new HttpFailure(
                  'connection',
                  error instanceof Error ? error.message : String(error),
                  true,
                  error,
                )
          controller.error(
            toUnmoorError(failure, { service: 's3', operation: 'GetObject', target, write: false }),
          )
        }
      },
      cancel() {
        body.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}
