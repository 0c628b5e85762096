/**
 * Streams across the bridge, in both directions. The reading side requests each chunk (`pull`) or cancels
 * (`cancel`); the writing side answers `chunk`, `end` or `fail`. At most one chunk is under way, so a slow
 * reader applies backpressure to the writer. Ids of the guest's own streams are odd, those of the engine's
 * even.
 */
import { microtask, on, post } from './bridge.ts'
import { onAbort } from '../events/abort.ts'
import type { AbortSignal } from '../events/abort.ts'
import { encodeUtf8 } from '../data/encoding.ts'
import { streams } from '../late.ts'
import type { Bytes, ReadableStream } from '../streams.ts'

interface Pull {
  chunk(bytes: Bytes): void
  end(): void
  fail(error: unknown): void
}
interface Writing {
  reader: ReadableStreamDefaultReader<unknown>
  isBody: boolean
  /**
   * Bytes of a stream that were read before the engine asked for a chunk; `pending` is the read in progress
   * at that time.
   */
  ready?: Bytes | undefined
  pending?: Promise<ReadableStreamReadResult<unknown>> | undefined
  done: (() => void) | undefined
}
/**
 * Pending requests to the engine for a stream's next chunk, by stream id. Nothing else holds a stream of the
 * engine, so a stream that nobody reads can be collected.
 */
const pulls = new Map<number, Pull>()
const writing = new Map<number, Writing>()
let nextStream = 1

/**
 * What remains of a stream that was garbage-collected: its id, and the function that removes its listeners.
 */
interface Abandoned {
  id: number
  forget: () => void
}
const abandoned = new FinalizationRegistry<Abandoned>(({ id, forget }) => {
  post('cancel', id)
  forget()
})
const NOTHING = (): void => {}

/** Creates the error of a stream that failed in the engine. */
function hostError(data: unknown): Error {
  const { name, message } = (data ?? {}) as { name?: unknown; message?: unknown }
  const error = new Error(typeof message === 'string' ? message : 'The stream broke')
  if (typeof name === 'string') error.name = name
  return error
}

/**
 * Creates a stream that the engine writes. If `signal` aborts before the end, the stream errors with the
 * signal's reason. `done` is called once, when an abort no longer has that effect.
 */
export function readFromHost(id: number, signal?: AbortSignal, done = NOTHING): ReadableStream<Bytes> {
  let forget = done
  const stream = new (streams().ReadableStream)<Bytes>(
    {
      type: 'bytes',
      start(controller) {
        if (signal === undefined) return
        // The abort signal's listener holds the stream's controller weakly: a long-lived signal must not keep
        // a stream that nobody reads.
        const weak = new WeakRef(controller)
        const stop = onAbort(signal, () => {
          const pull = settlePull(id)
          if (pull === undefined) weak.deref()?.error(signal.reason)
          else pull.fail(signal.reason)
          post('cancel', id)
        })
        forget = () => {
          stop()
          done()
        }
      },
      pull: (controller) =>
        new Promise<void>((resolve) => {
          pulls.set(id, {
            chunk(bytes) {
              controller.enqueue(bytes)
              resolve()
            },
            end() {
              controller.close()
              // Closing a stream does not end a BYOB reader's pending read; answering it with 0 bytes does.
              controller.byobRequest?.respond(0)
              forget()
              resolve()
            },
            fail(error) {
              controller.error(error)
              forget()
              resolve()
            },
          })
          post('pull', id)
        }),
      cancel(reason) {
        pulls.delete(id)
        forget()
        post('cancel', id, describe(reason))
      },
    },
    { highWaterMark: 0 },
  )
  // The object registered with the FinalizationRegistry must not reference the stream, which would never be
  // collected.
  abandoned.register(stream, { id, forget })
  return stream
}

/**
 * Lets the engine read `stream`; returns the stream's id, which a message passes on. The chunks of a
 * request's or response's body may also be text and ArrayBuffers, as on workerd.
 */
export function writeToHost(stream: ReadableStream<unknown>, isBody = false): number {
  const id = nextStream
  nextStream += 2
  writing.set(id, { reader: stream.getReader(), isBody, done: undefined })
  return id
}

/**
 * Outcome of {@link readTurn}, reported once: the whole body, the id of a stream that continues, or an error.
 */
export interface TurnEnd {
  whole(bytes: Bytes): void
  goesOn(id: number): void
  fails(error: unknown): void
}

/** Bytes of an answer's body after which {@link readTurn} stops gathering. */
const GATHER = 64 * 1024
/**
 * Microtasks in a row without a new chunk of an answer's body that count as the end of a turn. Only the
 * engine could see the actual end.
 */
const QUIET = 256

/**
 * Reads what an answer's stream has by the end of the current turn, as the other targets do. A stream that
 * has ended by then is sent with its length; a stream that has failed is not sent as an answer.
 */
export function readTurn(stream: ReadableStream<unknown>, tell: TurnEnd): void {
  const reader = stream.getReader()
  const chunks: Bytes[] = []
  let size = 0
  let quiet = 0
  let isOver = false
  const end = (report: () => void): void => {
    if (isOver) return
    isOver = true
    report()
  }
  const goOn = (pending?: Promise<ReadableStreamReadResult<unknown>>): void =>
    end(() => {
      const id = nextStream
      nextStream += 2
      const ready = size === 0 ? undefined : concat(chunks, size)
      writing.set(id, { reader, isBody: true, ready, pending, done: undefined })
      tell.goesOn(id)
    })
  const fail = (error: unknown): void => {
    if (isOver) return
    isOver = true
    giveUp(reader, error)
    tell.fails(error)
  }
  let pending: Promise<ReadableStreamReadResult<unknown>>
  const read = (): void => {
    pending = reader.read()
    pending.then(({ done, value }) => {
      if (isOver) return
      if (done) return end(() => tell.whole(concat(chunks, size)))
      quiet = 0
      try {
        const bytes = toBytes(value, true)
        chunks.push(bytes)
        size += bytes.byteLength
      } catch (error) {
        return fail(error)
      }
      if (size >= GATHER) goOn()
      else read()
    }, fail)
  }
  const wait = (): void => {
    if (isOver) return
    if (++quiet > QUIET) goOn(pending)
    else microtask(wait)
  }
  read()
  wait()
}

function giveUp(reader: ReadableStreamDefaultReader<unknown>, reason: unknown): void {
  reader.cancel(reason).catch(() => {})
}

function concat(chunks: readonly Bytes[], size: number): Bytes {
  if (chunks.length === 1) return chunks[0] as Bytes
  const all = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.byteLength
  }
  return all
}

/** Ends a stream that the engine reads and cancels its source, because nobody wants the rest. */
export function stopWriting(id: number, reason: unknown): void {
  finish(id)
    ?.reader.cancel(reason)
    .catch(() => {})
}

/** Calls `done` when the engine has read a whole stream, or the stream has failed. */
export function whenSent(id: number, done: () => void): void {
  const entry = writing.get(id)
  if (entry === undefined) done()
  else entry.done = done
}

/** Converts an error to data for the bridge. Never throws, whatever the error's getters do. */
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
  if (entry !== undefined) void send(id, entry)
})
on('cancel', (id: number, data: unknown) => {
  const entry = finish(id)
  entry?.reader.cancel(data === undefined ? undefined : hostError(data)).catch(() => {})
})

/**
 * Converts a stream's chunk to bytes in a buffer of their own, because the bridge transfers a view's whole
 * buffer.
 */
function toBytes(chunk: unknown, isBody: boolean): Bytes {
  if (chunk instanceof Uint8Array && chunk.byteLength === chunk.buffer.byteLength) return chunk as Bytes
  if (ArrayBuffer.isView(chunk))
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).slice()
  if (isBody && typeof chunk === 'string') return encodeUtf8(chunk)
  if (isBody && chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  throw new TypeError(
    isBody
      ? `A body stream gives views of bytes, ArrayBuffers or text, not ${typeName(chunk)}`
      : `A stream gives views of bytes here, not ${typeName(chunk)}`,
  )
}

function typeName(value: unknown): string {
  return value === null ? 'null' : typeof value
}

async function send(id: number, entry: Writing): Promise<void> {
  const { reader, isBody, ready } = entry
  if (ready !== undefined) {
    entry.ready = undefined
    post('chunk', id, ready)
    return
  }
  try {
    for (;;) {
      const { pending } = entry
      entry.pending = undefined
      const { done, value } = await (pending ?? reader.read())
      if (done) {
        post('end', id)
        finish(id)
        return
      }
      const bytes = toBytes(value, isBody)
      // An empty chunk of a stream carries no data, and the reader would take it for the answer to its pull.
      if (bytes.byteLength === 0) continue
      post('chunk', id, bytes)
      return
    }
  } catch (error) {
    post('fail', id, describe(error))
    finish(id)
    giveUp(reader, error)
  }
}
