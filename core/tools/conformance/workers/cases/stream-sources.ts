/** Cases about streams that a Worker creates, where workerd has features beyond the standard. */
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, thrown, throwsText } from './tools.ts'

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

type Source = UnderlyingDefaultSource & { expectedLength?: number }
interface BytePipe {
  readable: ReadableStream<Uint8Array>
  writable: WritableStream<Uint8Array>
}
interface Rewriter {
  on(selector: string, handlers: object): Rewriter
  transform(response: Response): Response
}
declare const HTMLRewriter: new () => Rewriter
declare const IdentityTransformStream: new () => BytePipe

export const STREAM_SOURCES: WorkerCase[] = workerCases('handler', [
  [
    '300',
    'a stream that says its expectedLength is sent with that length',
    async ({ env }) => {
      const asked = async (body: ReadableStream): Promise<string> =>
        (await env.SELF.fetch('http://self/length', { method: 'POST', body: body as never })).text()
      const source: Source = {
        expectedLength: 5,
        start(controller) {
          controller.enqueue(bytes('hello'))
          controller.close()
        },
      }
      equal(await asked(new ReadableStream(source)), '5')
      const { readable, writable } = new TransformStream({ expectedLength: 3 } as Transformer)
      const writer = writable.getWriter()
      // The write to the TransformStream is not awaited: the called service does not read the body, so the
      // write may never end.
      writer
        .write(bytes('abc'))
        .then(() => writer.close())
        .catch(() => {})
      equal(await asked(readable), '3')
    },
  ],
  [
    '301',
    'a source of bytes has memory to fill for each read',
    async () => {
      const words = ['one ', 'two ', 'three']
      const body = (): ReadableStream => {
        const rest = [...words]
        return new ReadableStream({
          type: 'bytes',
          pull(controller) {
            const request = controller.byobRequest
            const word = rest.shift()
            if (word === undefined) {
              controller.close()
              request?.respond(0)
            } else if (request?.view instanceof Uint8Array) {
              new Uint8Array(request.view.buffer, request.view.byteOffset).set(bytes(word))
              request.respond(word.length)
            }
          },
        })
      }
      equal(await new Response(body()).text(), words.join(''))
      const [half, other] = body().tee()
      equal(
        [await new Response(half).text(), await new Response(other).text()],
        [words.join(''), words.join('')],
      )
      class Own implements UnderlyingByteSource {
        readonly type = 'bytes'
        #left = 2
        pull(controller: ReadableByteStreamController): void {
          controller.enqueue(bytes('x'))
          if (--this.#left === 0) controller.close()
        }
      }
      equal(await new Response(new ReadableStream(new Own())).text(), 'xx')
    },
  ],
  [
    '302',
    'what a reader cancels an IdentityTransformStream with is the error of its writes',
    async () => {
      const failed = async (reason: unknown): Promise<string> => {
        const { readable, writable } = new IdentityTransformStream()
        const writer = writable.getWriter()
        const write = writer.write(bytes('a'))
        const closed = writer.close()
        closed.catch(() => {})
        await readable.cancel(reason)
        const errors = [await thrown(() => write), await thrown(() => closed)]
        equal(String(errors[0]), String(errors[1]))
        return String(errors[0])
      }
      equal(await failed('a text'), 'Error: a text')
      equal(await failed(undefined), 'Error: Stream was cancelled.')
      equal(await failed(new RangeError('own')), 'RangeError: own')
    },
  ],
  [
    '303',
    'HTMLRewriter: a stream of content that is no UTF-8 fails the document',
    async () => {
      const rewriter = new HTMLRewriter().on('p', {
        element(token: { append(content: unknown): void }) {
          token.append(new Response(new Uint8Array([0x61, 0xe2, 0x28])))
        },
      })
      await throwsText('Invalid UTF-8', () => rewriter.transform(new Response('<p>x</p>')).text())
    },
  ],
  [
    '304',
    'a DigestStream of an algorithm that nobody knows is refused',
    async () => {
      const { DigestStream: Digest } = crypto as object as { DigestStream: new (name: unknown) => unknown }
      for (const name of ['x', '', { name: 'SHA-3' }])
        await throwsText('digest algorithm', () => new Digest(name), 'NotSupportedError')
    },
  ],
  [
    '305',
    'getAll() of headers is there for Set-Cookie alone',
    async () => {
      const headers = new Headers([
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ]) as Headers & { getAll(name: string): string[] }
      equal(headers.getAll('Set-Cookie'), ['a=1', 'b=2'])
      await throwsText('Set-Cookie', () => headers.getAll('accept'), 'TypeError')
    },
  ],
  [
    '306',
    'there is no storage of a browser',
    () => {
      const found = ['localStorage', 'sessionStorage', 'Storage'].map(
        (name) => typeof Reflect.get(globalThis, name),
      )
      equal(found, ['undefined', 'undefined', 'undefined'])
    },
  ],
  [
    '307',
    'readAtLeast takes the whole part of a number',
    async () => {
      const { readable, writable } = new IdentityTransformStream()
      const writer = writable.getWriter()
      const write = async (): Promise<void> => {
        for (const text of ['ab', 'cd']) await writer.write(bytes(text))
        await writer.close()
      }
      write().catch(() => {})
      interface ByteReader extends ReadableStreamBYOBReader {
        readAtLeast(least: number, view: Uint8Array): Promise<{ value: Uint8Array }>
      }
      const reader = readable.getReader({ mode: 'byob' }) as ByteReader
      const { value } = await reader.readAtLeast(2.5, new Uint8Array(8))
      equal(new TextDecoder().decode(value), 'ab')
    },
  ],
  [
    '308',
    'what is compressed ends before anybody reads it',
    async () => {
      const data = new Uint8Array(256 * 1024)
      for (let at = 0; at < data.length; at += 65_536) crypto.getRandomValues(data.subarray(at, at + 65_536))
      const passed = async (through: BytePipe, input: Uint8Array): Promise<Uint8Array> => {
        const writer = through.writable.getWriter()
        await writer.write(input)
        await writer.close()
        return new Uint8Array(await new Response(through.readable as BodyInit).arrayBuffer())
      }
      const packed = await passed(new CompressionStream('gzip') as BytePipe, data)
      const unpacked = await passed(new DecompressionStream('gzip') as BytePipe, packed)
      equal(unpacked.length, data.length)
    },
  ],
])
