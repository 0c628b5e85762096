/** `node:util` in an isolate: what libraries use of it. */
import { formatLog, inspect as inspectValue } from '../web/inspect.ts'

type AnyFunction = (...args: never[]) => unknown

export function format(...args: unknown[]): string {
  return formatLog(args)
}
export function inspect(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : inspectValue(value)
}
inspect.custom = Symbol.for('nodejs.util.inspect.custom')

const CUSTOM = Symbol.for('nodejs.util.promisify.custom')

/** The promise form of a function that takes a callback last. */
export function promisify(original: AnyFunction): AnyFunction {
  const custom = (original as { [CUSTOM]?: AnyFunction })[CUSTOM]
  if (custom !== undefined) return custom
  return function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const done = (error: unknown, value: unknown): void =>
        error === null || error === undefined ? resolve(value) : reject(error)
      Reflect.apply(original, this, [...args, done])
    })
  }
}
promisify.custom = CUSTOM

/** The callback form of a function that gives a promise. */
export function callbackify(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args: unknown[]): void {
    const done = args.pop() as (error: unknown, value?: unknown) => void
    const result = Reflect.apply(original, this, args) as Promise<unknown>
    // oxlint-disable promise/no-callback-in-promise -- the callback form is what this makes
    result.then(
      (value) => queueMicrotask(() => done(null, value)),
      (error: unknown) =>
        queueMicrotask(() => done(error ?? new Error('Promise was rejected with a falsy value'))),
    )
    // oxlint-enable promise/no-callback-in-promise
  }
}

const warned = new Set<AnyFunction>()
/** The function with a warning at its first call. */
export function deprecate<F extends AnyFunction>(original: F, message: string): F {
  const warning = function (this: unknown, ...args: unknown[]): unknown {
    if (!warned.has(original)) console.warn(`DeprecationWarning: ${message}`)
    warned.add(original)
    return Reflect.apply(original, this, args)
  } as AnyFunction
  return warning as F
}

export function inherits(Class: AnyFunction, Super: AnyFunction): void {
  Object.defineProperty(Class, 'super_', { value: Super, writable: true, configurable: true })
  Object.setPrototypeOf(Class.prototype as object, Super.prototype as object)
}

export function debuglog(): AnyFunction & { enabled: boolean } {
  return Object.assign(() => {}, { enabled: false })
}
export const debug = debuglog

export function stripVTControlCharacters(text: string): string {
  // oxlint-disable-next-line no-control-regex -- escape sequences are what it strips
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
}
export function toUSVString(text: unknown): string {
  return `${text as string}`.toWellFormed()
}

const tag = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)
const is =
  (...names: string[]) =>
  (value: unknown) =>
    typeof value === 'object' && value !== null && names.includes(tag(value))

export const types = {
  isAnyArrayBuffer: is('ArrayBuffer', 'SharedArrayBuffer'),
  isArrayBuffer: is('ArrayBuffer'),
  isArrayBufferView: (value: unknown) => ArrayBuffer.isView(value),
  isAsyncFunction: (value: unknown) => typeof value === 'function' && tag(value) === 'AsyncFunction',
  isBoxedPrimitive: (value: unknown) =>
    [Boolean, Number, String, BigInt, Symbol].some((Class) => value instanceof Class),
  isDataView: is('DataView'),
  isDate: is('Date'),
  isGeneratorFunction: (value: unknown) =>
    typeof value === 'function' && tag(value).endsWith('GeneratorFunction'),
  isMap: is('Map'),
  isNativeError: (value: unknown) => value instanceof Error,
  isPromise: is('Promise'),
  isRegExp: is('RegExp'),
  isSet: is('Set'),
  isSharedArrayBuffer: is('SharedArrayBuffer'),
  isTypedArray: (value: unknown) => ArrayBuffer.isView(value) && !(value instanceof DataView),
  isUint8Array: (value: unknown) => value instanceof Uint8Array,
  isWeakMap: is('WeakMap'),
  isWeakSet: is('WeakSet'),
}

export { isDeepStrictEqual } from './deep-equal.ts'
import { isDeepStrictEqual } from './deep-equal.ts'

const { TextDecoder, TextEncoder } = globalThis
export { TextDecoder, TextEncoder }

const utilModule = {
  callbackify,
  debug,
  debuglog,
  deprecate,
  format,
  inherits,
  inspect,
  isDeepStrictEqual,
  promisify,
  stripVTControlCharacters,
  TextDecoder,
  TextEncoder,
  toUSVString,
  types,
}
export default utilModule
export { utilModule as 'module.exports' }
