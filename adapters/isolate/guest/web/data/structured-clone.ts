import { Blob, blobBytes, blobOf, File } from './blob.ts'
import { isArrayBuffer } from '../convert.ts'
import { copyKey, CryptoKey } from '../crypto-key.ts'
import { DOMException } from '../dom-exception.ts'
import { isReadableStream, isTransformStream, isWritableStream, streams } from '../late.ts'

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}
const BOXES = [Boolean, Number, String, BigInt] as const
const VIEWS = {
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
}
const viewTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => keyof typeof VIEWS | undefined

const functionText = Function.prototype.toString

type Transfer = (value: object) => object | undefined
let transferPlatformObject: Transfer = () => undefined
/** Sets the function with which structuredClone transfers objects which cannot be cloned (message ports). */
export function setTransfer(transfer: Transfer): void {
  transferPlatformObject = transfer
}

function refuse(what: string): never {
  throw new DOMException(`${what} could not be cloned.`, 'DataCloneError')
}

/** The web's `structuredClone`, which copies values. */
export function structuredClone(value: unknown, options: { transfer?: Iterable<object> } = {}): unknown {
  if (arguments.length === 0) throw new TypeError('structuredClone takes a value')
  const transfer = [...(options?.transfer ?? [])]
  if (new Set(transfer).size < transfer.length) refuse('An object that is in the transfer list twice')
  const memory = new Map<object, unknown>()
  const buffers: ArrayBuffer[] = []
  for (const item of transfer) {
    if (!isArrayBuffer(item) || !(item instanceof ArrayBuffer))
      memory.set(
        item,
        transferPlatformObject(item) ?? transferStream(item) ?? refuse('An object of the transfer list'),
      )
    else {
      memory.set(item, copyBuffer(item))
      buffers.push(item)
    }
  }
  const copy = clone(value, memory)
  // structuredClone detaches transferred buffers last: a clone that fails leaves them as they were.
  for (const buffer of buffers) buffer.transfer()
  return copy
}

// structuredClone: returns a stream in place of a transferred one, which it reads or writes and which stays
// locked. Chunks are copied on the way.
function transferStream(stream: object): object | undefined {
  const copy = (chunk: unknown): unknown => structuredClone(chunk)
  if (isReadableStream(stream))
    return stream.locked ? refuse('A locked stream') : streams().mapStream(stream, copy)
  if (isWritableStream(stream))
    return stream.locked ? refuse('A locked stream') : streams().mapWritable(stream, copy)
  if (!isTransformStream(stream)) return undefined
  const { mapStream, mapWritable, TransformStream } = streams()
  const { readable, writable } = stream
  if (readable.locked || writable.locked) refuse('A locked stream')
  const pair = { readable: mapStream(readable, copy), writable: mapWritable(writable, copy) }
  return Object.defineProperties(new TransformStream(), {
    readable: { value: pair.readable, configurable: true },
    writable: { value: pair.writable, configurable: true },
  })
}

function clone(value: unknown, memory: Map<object, unknown>): unknown {
  if (typeof value === 'symbol') refuse(String(value))
  if (typeof value === 'function') refuse(Reflect.apply(functionText, value, []))
  if (typeof value !== 'object' || value === null) return value
  if (memory.has(value)) return memory.get(value)
  const remember = <T>(copy: T): T => {
    memory.set(value, copy)
    return copy
  }
  if (ArrayBuffer.isView(value)) return remember(copyView(value, memory))
  const leaf = copyLeaf(value)
  if (leaf !== undefined) return remember(leaf)
  if (value instanceof Map) {
    const copy = remember(new Map())
    for (const [key, item] of Array.from(value)) copy.set(clone(key, memory), clone(item, memory))
    return copy
  }
  if (value instanceof Set) {
    const copy = remember(new Set())
    for (const item of Array.from(value)) copy.add(clone(item, memory))
    return copy
  }
  if (value instanceof Error) return copyError(value, memory, remember)
  if (hasHiddenState(value)) refuse(`A ${Object.prototype.toString.call(value).slice(8, -1)}`)
  const copy = remember<object>(Array.isArray(value) ? Object.assign([], { length: value.length }) : {})
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(value, key)) continue
    const item = clone((value as Record<string, unknown>)[key], memory)
    Object.defineProperty(copy, key, { value: item, writable: true, enumerable: true, configurable: true })
  }
  return copy
}

function copyLeaf(value: object): object | undefined {
  if (value instanceof Date) return new Date(value.getTime())
  if (value instanceof RegExp) return new RegExp(value.source, value.flags)
  // oxlint-disable-next-line unicorn/no-instanceof-builtins -- boxed values are what it looks for
  for (const Box of BOXES)
    if (value instanceof Box) return Object(Reflect.apply(Box.prototype.valueOf, value, [])) as object
  // oxlint-disable-next-line unicorn/no-instanceof-builtins -- a boxed one
  if (value instanceof Symbol) refuse('A Symbol object')
  if (isArrayBuffer(value)) return value instanceof ArrayBuffer ? copyBuffer(value) : value
  if (value instanceof File)
    return new File([blobBytes(value)], value.name, { type: value.type, lastModified: value.lastModified })
  if (value instanceof Blob) return blobOf(blobBytes(value), value.type)
  if (value instanceof CryptoKey) return copyKey(value)
  if (!(value instanceof DOMException)) return undefined
  const copy = new DOMException(value.message, value.name)
  Object.defineProperty(copy, 'stack', { value: String(value.stack), writable: true, configurable: true })
  return copy
}

function copyBuffer(buffer: ArrayBuffer): ArrayBuffer {
  if (buffer.detached) refuse('A detached ArrayBuffer')
  if (!buffer.resizable) return buffer.slice()
  const copy = new ArrayBuffer(buffer.byteLength, { maxByteLength: buffer.maxByteLength })
  new Uint8Array(copy).set(new Uint8Array(buffer))
  return copy
}

function copyView(view: ArrayBufferView, memory: Map<object, unknown>): ArrayBufferView {
  if (isOutOfBounds(view)) refuse('A view beyond the end of its buffer')
  const tracking = isTracking(view)
  const Class = VIEWS[viewTag.call(view) ?? 'DataView'] as new (
    buffer: ArrayBuffer,
    offset: number,
    length?: number,
  ) => ArrayBufferView
  if (tracking) return new Class(clone(view.buffer, memory) as ArrayBuffer, view.byteOffset)
  return new Class(
    clone(view.buffer, memory) as ArrayBuffer,
    view.byteOffset,
    view instanceof DataView ? view.byteLength : (view as Uint8Array).length,
  )
}

const dataViewLength = Object.getOwnPropertyDescriptor(DataView.prototype, 'byteLength')?.get as (
  this: unknown,
) => number

// True if a typed array or DataView no longer fits its buffer. The length of a DataView then throws; a typed
// array throws only in its iterator and its methods.
function isOutOfBounds(view: ArrayBufferView): boolean {
  if (view.buffer instanceof ArrayBuffer && view.buffer.detached) return true
  try {
    if (view instanceof DataView) Reflect.apply(dataViewLength, view, [])
    else Reflect.apply(Array.prototype.values, view, []).next()
    return view instanceof DataView ? false : isShrunk(view as Uint8Array)
  } catch {
    return true
  }
}

function isShrunk(view: Uint8Array): boolean {
  try {
    view.subarray.call(view, 0)
    // Every method of a typed array checks its bounds first, so `at` throws if the view is out of bounds.
    Reflect.apply(typedArrayAt, view, [0])
    return false
  } catch {
    return true
  }
}
const typedArrayAt = (Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array).at

/** True if a typed array's or DataView's length follows the length of its resizable buffer. */
function isTracking(view: ArrayBufferView): boolean {
  const buffer = view.buffer as ArrayBuffer & { growable?: boolean; maxByteLength: number }
  if (!(buffer instanceof ArrayBuffer) || !buffer.resizable) return false
  const before = view.byteLength
  const size = buffer.byteLength
  if (size === buffer.maxByteLength) {
    // A resizable buffer at its maximum length cannot grow to test if the view follows it, so the test
    // shrinks the buffer and restores its bytes.
    return (
      before > 0 &&
      view.byteOffset + before > size - (size % (viewUnit(view) || 1)) - viewUnit(view) &&
      followsShrink(view, buffer)
    )
  }
  buffer.resize(Math.min(size + viewUnit(view), buffer.maxByteLength))
  const follows = view.byteLength !== before
  buffer.resize(size)
  return follows
}

function viewUnit(view: ArrayBufferView): number {
  return view instanceof DataView ? 1 : (view as Uint8Array).BYTES_PER_ELEMENT
}

function followsShrink(view: ArrayBufferView, buffer: ArrayBuffer): boolean {
  const unit = viewUnit(view)
  const copy = buffer.slice()
  buffer.resize(buffer.byteLength - unit)
  let follows = false
  try {
    follows = !isOutOfBounds(view)
  } finally {
    buffer.resize(copy.byteLength)
    new Uint8Array(buffer).set(new Uint8Array(copy))
  }
  return follows
}

function copyError(error: Error, memory: Map<object, unknown>, remember: <T>(copy: T) => T): Error {
  const name = String(error.name)
  const Class = Object.hasOwn(ERRORS, name) ? (ERRORS[name] as ErrorConstructor) : Error
  const message = Object.getOwnPropertyDescriptor(error, 'message')
  const copy = remember(message === undefined ? new Class() : new Class(String(message.value)))
  if (typeof error.stack === 'string')
    Object.defineProperty(copy, 'stack', { value: error.stack, writable: true, configurable: true })
  if (Object.hasOwn(error, 'cause'))
    Object.defineProperty(copy, 'cause', {
      value: clone(error.cause, memory),
      writable: true,
      configurable: true,
    })
  return copy
}

// True for objects such as streams, promises and weak collections, whose state a copy of their properties
// would lose.
function hasHiddenState(value: object): boolean {
  if (
    value instanceof Promise ||
    value instanceof WeakMap ||
    value instanceof WeakSet ||
    value instanceof WeakRef
  )
    return true
  if (Array.isArray(value)) return false
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  const scope: object = globalThis
  const Class = (scope as Record<string, unknown>)[tag]
  return tag !== 'Object' && typeof Class === 'function' && value instanceof Class
}
