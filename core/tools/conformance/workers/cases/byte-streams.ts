import { type WorkerCase, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

interface ByteReader extends ReadableStreamBYOBReader {
  readAtLeast(min: number, view: ArrayBufferView): Promise<{ done: boolean; value: Uint8Array }>
}
interface BytePipe {
  readable: ReadableStream<Uint8Array>
  writable: WritableStream<Uint8Array>
}
type Pipes = Record<string, new (length?: number) => BytePipe>

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

/**
 * Returns the readable side of a stream of the class `name`, such as FixedLengthStream, to which the chunks
 * are written.
 */
function pieces(name: string, ...chunks: string[]): ReadableStream<Uint8Array> {
  const Class = (globalThis as object as Pipes)[name] as Pipes[string]
  const { readable, writable } =
    name === 'FixedLengthStream' ? new Class(chunks.join('').length) : new Class()
  const writer = writable.getWriter()
  const write = async (): Promise<void> => {
    for (const chunk of chunks) await writer.write(new TextEncoder().encode(chunk))
    await writer.close()
  }
  write().catch(() => {})
  return readable
}

const byteReader = (stream: ReadableStream<Uint8Array>): ByteReader =>
  stream.getReader({ mode: 'byob' }) as ByteReader

const BOTH = ['IdentityTransformStream', 'FixedLengthStream'] as const

export const BYTE_STREAMS: WorkerCase[] = [
  ...workerCases('handler', [
    [
      '230',
      'a BYOB reader of IdentityTransformStream and FixedLengthStream',
      async () => {
        for (const name of BOTH) {
          const reader = byteReader(pieces(name, 'hello', 'world'))
          const seen: string[] = []
          for (;;) {
            const { done, value } = await reader.read(new Uint8Array(4))
            if (done) break
            seen.push(text(value))
          }
          equal(seen, ['hell', 'o', 'worl', 'd'], name)
        }
      },
    ],
    [
      '231',
      'readAtLeast gathers pieces, and gives what is left at the end',
      async () => {
        for (const name of BOTH) {
          const reader = byteReader(pieces(name, 'he', 'llo', 'world', 'x'))
          const seen: unknown[] = []
          for (let at = 0; at < 4; at++) {
            const { done, value } = await reader.readAtLeast(4, new Uint8Array(8))
            seen.push([done, text(value)])
          }
          equal(
            seen,
            [
              [false, 'hello'],
              [false, 'world'],
              [false, 'x'],
              [true, ''],
            ],
            name,
          )
        }
      },
    ],
    [
      '232',
      'readAtLeast refuses more than fits, and nothing',
      async () => {
        const reader = byteReader(pieces('IdentityTransformStream', 'he'))
        await throwsText(
          'exceeds size of buffer (4)',
          () => reader.readAtLeast(9, new Uint8Array(4)),
          'TypeError',
        )
        await throwsText('invalid minimum', () => reader.readAtLeast(0, new Uint8Array(4)), 'TypeError')
      },
    ],
    [
      '233',
      'readAtLeast of a body and of any stream of bytes',
      async () => {
        const body = new Request('http://a', { method: 'POST', body: 'hello' })
          .body as ReadableStream<Uint8Array>
        equal(text((await byteReader(body).readAtLeast(5, new Uint8Array(5))).value), 'hello')
      },
    ],
    [
      '234',
      'a service sees the length of a body where it is known',
      async ({ env }) => {
        await env.BUCKET.put('known-length', 'from the bucket')
        const bucket = await env.BUCKET.get('known-length', { range: { offset: 5, length: 3 } })
        const asked = async (body: unknown): Promise<string | null> => {
          const response = await env.SELF.fetch('http://self/length', {
            method: 'POST',
            body: body as string,
          })
          return response.text()
        }
        equal(
          [
            await asked('text'),
            await asked(pieces('FixedLengthStream', 'hello')),
            await asked(pieces('IdentityTransformStream', 'hello')),
            await asked(bucket?.body),
            await asked(new Blob(['blob']).stream()),
          ],
          ['4', '5', 'null', '3', '4'],
        )
      },
    ],
    [
      '235',
      'an outbound request says the length of a stream where it is known',
      async ({ request }) => {
        const url = new URL('/length', request.url)
        const asked = async (body: ReadableStream): Promise<string> => {
          const response = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit)
          return response.text()
        }
        equal(await asked(pieces('FixedLengthStream', 'hello')), '5')
        const [half, other] = pieces('FixedLengthStream', 'halves').tee()
        void other.cancel()
        equal(await asked(half), '6')
      },
    ],
  ]),
  ...workerCases('r2', [
    [
      '200',
      'an object that was uploaded in parts has no checksum',
      async ({ env, key }) => {
        const upload = await env.BUCKET.createMultipartUpload(key())
        const part = await upload.uploadPart(1, 'hello')
        const done = await upload.complete([part])
        const head = await env.BUCKET.head(key())
        equal(
          [done.checksums.md5, head?.checksums.md5, done.etag.endsWith('-1')],
          [undefined, undefined, true],
        )
        equal(JSON.parse(JSON.stringify([done.checksums, head?.checksums])), [{}, {}])
      },
    ],
    [
      '201',
      'abort of an upload that never was is refused; of one that ended it is fine',
      async ({ env, key }) => {
        await throwsText('abortMultipartUpload', () =>
          env.BUCKET.resumeMultipartUpload(key(), 'nonsense').abort(),
        )
        const upload = await env.BUCKET.createMultipartUpload(key())
        await throwsText('abortMultipartUpload', () =>
          env.BUCKET.resumeMultipartUpload(key('other'), upload.uploadId).abort(),
        )
        await env.BUCKET.resumeMultipartUpload(key(), upload.uploadId).abort()
        await upload.abort()
      },
    ],
  ]),
]
