import { UnmoorError } from '../../../../core/errors.ts'
import type { GuestBody } from '../../server/isolate-app.ts'

/**
 * Limits a response's body to `max` bytes. A body in memory is refused as a whole; a stream fails at the
 * chunk that exceeds the limit.
 */
export function limitBody(body: GuestBody, max: number, onHit: () => void): GuestBody {
  if (body === null) return body
  const exceeded = (actual: number): UnmoorError => {
    onHit()
    return new UnmoorError(
      'LimitExceeded',
      `the answer is larger than the app's limit of responseBytes, ${max}`,
      {
        details: { limit: 'responseBytes', actual, max },
      },
    )
  }
  if (typeof body === 'string') {
    // A UTF-16 unit takes at most three bytes in UTF-8, so a short response body need not be measured.
    if (body.length * 3 <= max) return body
    const size = Buffer.byteLength(body)
    if (size > max) throw exceeded(size)
    return body
  }
  if (body instanceof Uint8Array) {
    if (body.byteLength > max) throw exceeded(body.byteLength)
    return body
  }
  let size = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        size += chunk.byteLength
        if (size > max) controller.error(exceeded(size))
        else controller.enqueue(chunk)
      },
    }),
  )
}
