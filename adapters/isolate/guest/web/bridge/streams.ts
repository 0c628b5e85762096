/**
 * Streams across the bridge, both ways. The reading side asks for each chunk (`pull`) or gives up (`cancel`);
 * the writing side answers `chunk`, `end` or `fail`. So no more than one chunk is under way, and a slow
 * reader holds the writer back. Ids of the guest's own streams are odd, of the host's even.
 */
import { on, post } from './bridge.ts'
import { streams } from '../late.ts'
import type { Bytes, ReadableStream } from '../streams.ts'

interface Pull {
  chunk(bytes: Bytes): void
  end(): void
  fail(error: unknown): void
}
interface Writing {
  reader: ReadableStreamDefaultReader<unknown>
  done: (() => void) | undefined
}
/** Pulls under way. Nothing else holds a stream of the host's, so one that nobody reads can be collected. */
const pulls = new Map<number, Pull>()
const writing = new Map<number, Writing>()
let nextStream = 1

const abandoned = new FinalizationRegistry<number>((id) => post('cancel', id))

/** The error of a stream that broke on the host. */
function hostError(data: unknown): Error {
  const { name, message } = (data ?? {}) as { name?: unknown; message?: unknown }
  const error = new Error(typeof message === 'string' ? message : 'The stream broke')
  if (typeof name === 'string') error.name = name
  return error
}

/** A stream that the host writes. */
export function readFromHost(id: number): ReadableStream<Bytes> {
  const stream = new (streams().ReadableStream)<Bytes>(
    {
      type: 'bytes',
      pull: (controller) =>
        new Promise<void>((resolve) => {
          pulls.set(id, {
            chunk(bytes) {
              controller.enqueue(bytes)
              resolve()
            },
            end() {
              controller.close()
              // A reader with a buffer of its own waits until it is handed back.
              controller.byobRequest?.respond(0)
              resolve()
            },
            fail(error) {
              controller.error(error)
              resolve()
            },
          })
          post('pull', id)
        }),
      cancel(reason) {
        pulls.delete(id)
        post('cancel', id, describe(reason))
      },
    },
    { highWaterMark: 0 },
  )
  abandoned.register(stream, id)
  return stream
}

/** Lets the host read `stream`; gives the id to send along. */
export function writeToHost(stream: ReadableStream<unknown>): number {
  const id = nextStream
  nextStream += 2
  writing.set(id, { reader: stream.getReader(), done: undefined })
  return id
}

/** Calls `done` when the host has read all of a stream, or it broke. */
export function whenSent(id: number, done: () => void): void {
  const entry = writing.get(id)
  if (entry === undefined) done()
  else entry.done = done
}

/** An error as data. Never throws, whatever its getters do. */
export function describe(error: unknown): { name: string; message: string } {
  try {
    if (error instanceof Error) return { name: String(error.name), message: String(error.message) }
    return { name: 'Error', message: String(error) }
  } catch {
    return { name: 'Error', message: 'unprintable' }
  }
}

function settlePull(id: number): Pull | undefined {
  const pull = pulls.get(id)
  pulls.delete(id)
  return pull
}
on('chunk', (id: number, bytes: Bytes) => settlePull(id)?.chunk(bytes))
on('end', (id: number) => settlePull(id)?.end())
on('fail', (id: number, data: unknown) => settlePull(id)?.fail(hostError(data)))

function finish(id: number): Writing | undefined {
  const entry = writing.get(id)
  writing.delete(id)
  entry?.done?.()
  return entry
}
on('pull', (id: number) => {
  const entry = writing.get(id)
  if (entry !== undefined) void send(id, entry.reader)
})
on('cancel', (id: number, data: unknown) => {
  const entry = finish(id)
  entry?.reader.cancel(data === undefined ? undefined : hostError(data)).catch(() => {})
})

async function send(id: number, reader: ReadableStreamDefaultReader<unknown>): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) {
        post('end', id)
        finish(id)
        return
      }
      if (!(value instanceof Uint8Array))
        throw new TypeError(`A body stream gives Uint8Arrays, not ${value === null ? 'null' : typeof value}`)
      // An empty chunk says nothing; the reader would take it for an answer.
      if (value.byteLength === 0) continue
      // A view goes over with all of its buffer: cut out what is meant.
      post('chunk', id, value.byteLength === value.buffer.byteLength ? value : value.slice())
      return
    }
  } catch (error) {
    post('fail', id, describe(error))
    finish(id)
    void reader.cancel(error).catch(() => {})
  }
}
