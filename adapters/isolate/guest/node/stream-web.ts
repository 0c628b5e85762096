/**
 * `Readable.toWeb` and similar functions of `node:stream`, which the package readable-stream leaves to the
 * platform.
 */
interface NodeReadable extends AsyncIterable<unknown> {
  destroy(error?: unknown): unknown
  readonly readableObjectMode?: boolean
}
interface NodeWritable {
  write(chunk: unknown, done: (error?: unknown) => void): boolean
  end(done: () => void): unknown
  once(name: string, listener: (value: never) => void): unknown
  destroy(error?: unknown): unknown
}
interface Classes {
  Readable: { from(source: AsyncIterable<unknown>, options: object): NodeReadable }
  Writable: new (options: object) => NodeWritable
}

function toWebReadable(readable: NodeReadable): ReadableStream<unknown> {
  const chunks = readable[Symbol.asyncIterator]()
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        // A stream's chunk that is a Buffer may be a view of memory that others use too, so its bytes are
        // copied.
        else controller.enqueue(value instanceof Uint8Array ? new Uint8Array(value) : value)
      },
      cancel: (reason) => void readable.destroy(reason),
    },
    { highWaterMark: 0 },
  )
}

function toWebWritable(writable: NodeWritable): WritableStream<unknown> {
  return new WritableStream<unknown>({
    start(controller) {
      writable.once('error', (error) => controller.error(error))
    },
    write: (chunk) =>
      new Promise<void>((resolve, reject) => {
        writable.write(chunk, (error) => (error === null || error === undefined ? resolve() : reject(error)))
      }),
    close: () => new Promise<void>((resolve) => void writable.end(resolve)),
    abort: (reason) => void writable.destroy(reason),
  })
}

/** Adds `toWeb` and `fromWeb` to the classes of the package readable-stream. */
export function addWebStreams({ Readable, Writable }: Classes): void {
  Object.assign(Readable, {
    toWeb: toWebReadable,
    fromWeb: (stream: ReadableStream<unknown>, options: object = {}) =>
      Readable.from(stream as unknown as AsyncIterable<unknown>, { objectMode: false, ...options }),
  })
  Object.assign(Writable, {
    toWeb: toWebWritable,
    fromWeb(stream: WritableStream<unknown>, options: object = {}) {
      const writer = stream.getWriter()
      const settle = async (work: Promise<void>, done: (error?: unknown) => void): Promise<void> => {
        let failure: unknown
        try {
          await work
        } catch (error) {
          failure = error
        }
        done(failure)
      }
      return new Writable({
        ...options,
        write: (chunk: unknown, _encoding: string, done: (error?: unknown) => void) =>
          void settle(writer.write(chunk), done),
        final: (done: (error?: unknown) => void) => void settle(writer.close(), done),
        destroy: (error: unknown, done: (error?: unknown) => void) =>
          error === null ? done() : void settle(writer.abort(error), () => done(error)),
      })
    },
  })
}
