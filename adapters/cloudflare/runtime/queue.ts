import { utf8, utf8Text, viewBytes } from '../../../core/bindings/bytes.ts'
import type { DriverFactory, QueueIncoming, QueueOutgoing } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { NativeMessage, NativeQueue } from './native.ts'
import { nativeOf } from './native-of.ts'

/** Driver for queue bindings on Cloudflare Queues. The driver only sends; Cloudflare delivers. */
export const queue: DriverFactory<'queue'> = (_options, context) => {
  const native = nativeOf<NativeQueue>(context, 'queue')
  return {
    async send(messages) {
      const timestamp = context.now()
      try {
        await native.sendBatch(
          messages.map((message) => ({
            body: toEnvelope(message, timestamp),
            contentType: message.contentType === 'json' ? 'text' : 'bytes',
            ...(message.delaySeconds === 0 ? {} : { delaySeconds: message.delaySeconds }),
          })),
        )
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        const code = /too many requests|429/i.test(text) ? 'Throttled' : 'Unavailable'
        throw new UnmoorError(code, `Cloudflare Queues: ${text}`, {
          cause: error,
          mayHaveApplied: code === 'Unavailable',
        })
      }
    },
  }
}

/**
 * First line of a queue message's body, with the id and timestamp that unmoor gave the message. Cloudflare
 * does not promise that a message keeps Cloudflare's own id and timestamp in the dead-letter queue.
 */
const HEADER = /^\{"unmoor":1,"id":"[^"]*","timestamp":\d+\}$/
/**
 * Bytes of a queue message that are searched for its header line. A header takes 80 bytes, which the portable
 * limit leaves room for.
 */
const HEADER_MAX = 200

function toEnvelope({ id, body }: QueueOutgoing, timestamp: number): string | Uint8Array<ArrayBuffer> {
  const header = `${JSON.stringify({ unmoor: 1, id, timestamp })}\n`
  if (typeof body === 'string') return header + body
  const head = utf8(header)
  const bytes = new Uint8Array(head.byteLength + body.byteLength)
  bytes.set(head)
  bytes.set(body, head.byteLength)
  return bytes
}

/**
 * Converts a delivered queue message. A message from another producer, without unmoor's header line, keeps
 * the platform's id and timestamp. `lease` is the message's index in the batch.
 */
export function fromNative(message: NativeMessage, lease: string): QueueIncoming {
  const { body, attempts } = message
  const bytes = body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? viewBytes(body) : undefined
  const end = bytes
    ? bytes.subarray(0, HEADER_MAX).indexOf(10)
    : typeof body === 'string'
      ? body.indexOf('\n')
      : -1
  const line = end < 0 ? '' : bytes ? utf8Text(bytes.subarray(0, end)) : (body as string).slice(0, end)
  if (HEADER.test(line)) {
    const { id, timestamp } = JSON.parse(line) as { id: string; timestamp: number }
    return {
      id,
      timestamp,
      attempts,
      lease,
      contentType: bytes ? 'bytes' : 'json',
      body: bytes ? bytes.slice(end + 1) : (body as string).slice(end + 1),
    }
  }
  const foreign = { id: message.id, timestamp: message.timestamp.getTime(), attempts, lease }
  return bytes
    ? { ...foreign, contentType: 'bytes', body: bytes }
    : { ...foreign, contentType: 'json', body: JSON.stringify(body) ?? 'null' }
}
