/**
 * Streams across the bridge, both ways. The reading side asks for each chunk (`pull`) or gives up (`cancel`);
 * the writing side answers `chunk`, `end` or `fail`. So no more than one chunk is under way, and a slow
 * reader holds the writer back. Ids of the guest's own streams are odd, of the host's even.
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
  /** What was read before anybody asked, and the read that was under way then. */
  ready?: Bytes | undefined
  pending?: Promise<ReadableStreamReadResult<unknown>> | undefined
  done: (() => void) | undefined
}
/** Pulls under way. Nothing else holds a stream of the host's, so one that nobody reads can be collected. */
const pulls = new Map<number, Pull>()
const writing = new Map<number, Writing>()
let nextStream = 1

/** What is left of a stream that nobody will read any more. */
interface Abandoned {
  id: number
  forget: () => void
}
const abandoned = new FinalizationRegistry<Abandoned>(({ id, forget }) => {
  post('cancel', id)
  forget()
})
const NOTHING = (): void => {}

/** The error of a stream that broke on the host. */
function hostError(data: unknown): Error {
  const { name, message } = (data ?? {}) as { name?: unknown; message?: unknown }
  const error = new Error(typeof message === 'string' ? message : 'The stream broke')
  if (typeof name === 'string') error.name = name
  return error
}

/**
 * A stream that the host writes. Where `signal` aborts before its end, it errors with the signal's reason;
 * `done` is called once when it can no longer do so.
 */
export function readFromHost(id: number, signal?: AbortSignal, done = NOTHING): ReadableStream<Bytes> {
  let forget = done
  const stream = new (streams().ReadableStream)<Bytes>(
    {
      type: 'bytes',
      start(controller) {
        if (signal === undefined) return
        // Weakly: a signal that lives on is to keep no stream that nobody reads.
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
              // A reader with a buffer of its own waits until it is handed back.
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
  // What it holds must not hold the stream.
  abandoned.register(stream, { id, forget })
  return stream
}

/**
 * Lets the host read `stream`; returns the id to send along. The chunks of a request's or response's body may
 * be text and ArrayBuffers too, as on workerd.
 */
export function writeToHost(stream: ReadableStream<unknown>, isBody = false): number {
  const id = nextStream
  nextStream += 2
  writing.set(id, { reader: stream.getReader(), isBody, done: undefined })
  return id
}

/**
 * What {@link readTurn} tells, once: the whole body, the id of a stream that goes on, or what it failed with.
 */
export interface TurnEnd {
  whole(bytes: Bytes): void
  goesOn(id: number): void
  fails(error: unknown): void
}

/** Bytes of a body that are gathered in one turn. */
const GATHER = 64 * 1024
/** Microtasks in a row without news that make the end of a turn. Only the host could see the true one. */
const QUIET = 256

/**
 * Reads what an answer's stream has by the end of this turn, as the other targets do: one that has ended by
 * then has a length, and one that has failed is no answer.
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

/** Ends a stream that the host reads: it is cancelled, as nobody wants it any more. */
export function stopWriting(id: number, reason: unknown): void {
  finish(id)
    ?.reader.cancel(reason)
    .catch(() => {})
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
  if (entry !== undefined) void send(id, entry)
})
on('cancel', (id: number, data: unknown) => {
  const entry = finish(id)
  entry?.reader.cancel(data === undefined ? undefined : hostError(data)).catch(() => {})
})

/** A chunk as bytes in a buffer of their own: a view goes over with all of its buffer. */
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
      // An empty chunk says nothing; the reader would take it for an answer.
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
