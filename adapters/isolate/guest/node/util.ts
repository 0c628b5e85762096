/** `node:util` in an isolate: the functions that libraries use. */
import { format, formatWithOptions } from './format.ts'
import { inspect } from './inspect.ts'
import { refused } from './refused.ts'
import { types } from './type-checks.ts'

type AnyFunction = (...args: never[]) => unknown
const CUSTOM = Symbol.for('nodejs.util.promisify.custom')

function needFunction(value: unknown, name: string): void {
  if (typeof value !== 'function')
    throw Object.assign(new TypeError(`The "${name}" argument must be of type function.`), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
}

// Promise form of `setTimeout`, which `promisify(setTimeout)` returns on Node.
const { setTimeout: webTimeout } = globalThis
const delayed = (delay?: number, value?: unknown): Promise<unknown> =>
  new Promise((resolve) => webTimeout(resolve, delay, value))

/** `util.promisify`: returns the promise form of a function that takes a callback as its last argument. */
export function promisify(original: AnyFunction): AnyFunction {
  needFunction(original, 'original')
  const custom = (original as { [CUSTOM]?: AnyFunction })[CUSTOM]
  if (custom !== undefined) return custom
  if ((original as unknown) === globalThis.setTimeout) return delayed
  const promised = function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const done = (error: unknown, value: unknown): void =>
        error === null || error === undefined ? resolve(value) : reject(error)
      Reflect.apply(original, this, [...args, done])
    })
  }
  // The function that `util.promisify` returns has the original's own properties, name and length among them.
  Object.setPrototypeOf(promised, Object.getPrototypeOf(original) as object)
  return Object.defineProperties(promised, Object.getOwnPropertyDescriptors(original)) as AnyFunction
}
promisify.custom = CUSTOM

/** `util.callbackify`: returns the callback form of a function that returns a promise. */
export function callbackify(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args: unknown[]): void {
    const done = args.pop() as (error: unknown, value?: unknown) => void
    const result = Reflect.apply(original, this, args) as Promise<unknown>
    // oxlint-disable promise/no-callback-in-promise -- the callback form is what this makes
    result.then(
      (value) => queueMicrotask(() => done(null, value)),
      (error: unknown) =>
        queueMicrotask(() =>
          done(
            error ||
              Object.assign(new Error('Promise was rejected with falsy value'), {
                code: 'ERR_FALSY_VALUE_REJECTION',
                reason: error,
              }),
          ),
        ),
    )
    // oxlint-enable promise/no-callback-in-promise
  }
}

const warned = new Set<AnyFunction>()
/**
 * `util.deprecate`: returns a function that warns of its deprecation at the first call and then calls
 * `original`.
 */
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

export const isArray = Array.isArray

/**
 * `util.aborted`: resolves when the signal aborts. `resource` is only validated; nothing in the guest holds
 * it.
 */
export async function aborted(signal: AbortSignal, resource: unknown): Promise<void> {
  if (typeof resource !== 'object' || resource === null)
    throw Object.assign(new TypeError('The "resource" argument must be an Object.'), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

const STYLES: Readonly<Record<string, readonly [number, number]>> = {
  reset: [0, 0],
  bold: [1, 22],
  dim: [2, 22],
  italic: [3, 23],
  underline: [4, 24],
  inverse: [7, 27],
  hidden: [8, 28],
  strikethrough: [9, 29],
  black: [30, 39],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  white: [37, 39],
  gray: [90, 39],
  grey: [90, 39],
}
/** `util.styleText`: wraps text in the escape sequences of one style or several. */
export function styleText(format: string | readonly string[], text: string): string {
  return [format].flat().reduceRight((styled: string, name) => {
    const style = STYLES[name]
    if (style === undefined)
      throw Object.assign(
        new TypeError(`The argument 'format' must be one of: ${Object.keys(STYLES).join(', ')}`),
        {
          code: 'ERR_INVALID_ARG_VALUE',
        },
      )
    return `\u001b[${style[0]}m${styled}\u001b[${style[1]}m`
  }, text)
}

export { isDeepStrictEqual } from './deep-equal.ts'
import { isDeepStrictEqual } from './deep-equal.ts'

const { TextDecoder, TextEncoder } = globalThis
export { format, formatWithOptions, inspect, TextDecoder, TextEncoder, types }

const lacks = (name: string): ((...args: never[]) => never) => refused('util', name)
export const diff = /* @__PURE__ */ lacks('diff')
export const getCallSites = /* @__PURE__ */ lacks('getCallSites')
export const getSystemErrorMap = /* @__PURE__ */ lacks('getSystemErrorMap')
export const getSystemErrorName = /* @__PURE__ */ lacks('getSystemErrorName')
export const MIMEParams = /* @__PURE__ */ lacks('MIMEParams')
export const MIMEType = /* @__PURE__ */ lacks('MIMEType')
export const parseArgs = /* @__PURE__ */ lacks('parseArgs')
export const parseEnv = /* @__PURE__ */ lacks('parseEnv')

const utilModule = {
  diff,
  getCallSites,
  getSystemErrorMap,
  getSystemErrorName,
  MIMEParams,
  MIMEType,
  parseArgs,
  parseEnv,
  aborted,
  callbackify,
  debug,
  debuglog,
  deprecate,
  format,
  formatWithOptions,
  inherits,
  inspect,
  isArray,
  isDeepStrictEqual,
  promisify,
  stripVTControlCharacters,
  styleText,
  TextDecoder,
  TextEncoder,
  toUSVString,
  types,
}
export const _errnoException = /* @__PURE__ */ lacks('_errnoException')
export const _exceptionWithHostPort = /* @__PURE__ */ lacks('_exceptionWithHostPort')
export const convertProcessSignalToExitCode = /* @__PURE__ */ lacks('convertProcessSignalToExitCode')
export const debounce = /* @__PURE__ */ lacks('debounce')
export const getSystemErrorMessage = /* @__PURE__ */ lacks('getSystemErrorMessage')
export const markPromiseAsHandled = /* @__PURE__ */ lacks('markPromiseAsHandled')
export const setTraceSigInt = /* @__PURE__ */ lacks('setTraceSigInt')
export const throttle = /* @__PURE__ */ lacks('throttle')
export const transferableAbortController = /* @__PURE__ */ lacks('transferableAbortController')
export const transferableAbortSignal = /* @__PURE__ */ lacks('transferableAbortSignal')
/** `util._extend`, deprecated on Node: `Object.assign` with one source. */
export function _extend(target: object, source: unknown): object {
  return typeof source === 'object' && source !== null ? Object.assign(target, source) : target
}
export default utilModule
export { utilModule as 'module.exports' }
