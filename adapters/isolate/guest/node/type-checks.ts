/** `node:util/types` in an isolate: type checks by internal slots, if a built-in reveals them. */
type Check = (value: unknown) => boolean
type Method = (this: unknown, ...args: never[]) => unknown

/**
 * Returns a check that calls a built-in's method or getter on the value: the call succeeds only on objects
 * with the built-in's internal slots.
 */
function taken(method: unknown, ...args: unknown[]): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null) return false
    try {
      Reflect.apply(method as Method, value, args)
      return true
    } catch {
      return false
    }
  }
}
const getter = (prototype: object, name: PropertyKey): unknown =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get
const tag = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)
const tagged =
  (name: string): Check =>
  (value) =>
    typeof value === 'object' && value !== null && tag(value) === name
const arrayTag = getter(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag)
const ofArray =
  (name: string): Check =>
  (value) =>
    ArrayBuffer.isView(value) && Reflect.apply(arrayTag as Method, value, []) === name
const functionOf =
  (...names: string[]): Check =>
  (value) =>
    typeof value === 'function' && names.includes(tag(value))

const isArrayBuffer = taken(getter(ArrayBuffer.prototype, 'byteLength'))
const isSharedArrayBuffer = taken(getter(SharedArrayBuffer.prototype, 'byteLength'))
const isNumberObject = taken(Number.prototype.valueOf)
const isStringObject = taken(String.prototype.valueOf)
const isBooleanObject = taken(Boolean.prototype.valueOf)
const isBigIntObject = taken(BigInt.prototype.valueOf)
const isSymbolObject = taken(Symbol.prototype.valueOf)
const boxed = [isNumberObject, isStringObject, isBooleanObject, isBigIntObject, isSymbolObject]

export const types = {
  isAnyArrayBuffer: (value: unknown) => isArrayBuffer(value) || isSharedArrayBuffer(value),
  isArgumentsObject: tagged('Arguments'),
  isArrayBuffer,
  isArrayBufferView: (value: unknown): boolean => ArrayBuffer.isView(value),
  isAsyncFunction: functionOf('AsyncFunction', 'AsyncGeneratorFunction'),
  isBigInt64Array: ofArray('BigInt64Array'),
  isBigIntObject,
  isBigUint64Array: ofArray('BigUint64Array'),
  isBooleanObject,
  isBoxedPrimitive: (value: unknown) => boxed.some((check) => check(value)),
  isCryptoKey: (value: unknown) => tag(value) === 'CryptoKey',
  isDataView: taken(getter(DataView.prototype, 'byteLength')),
  isDate: taken(Date.prototype.getTime),
  isExternal: () => false,
  isFloat16Array: ofArray('Float16Array'),
  isFloat32Array: ofArray('Float32Array'),
  isFloat64Array: ofArray('Float64Array'),
  isGeneratorFunction: functionOf('GeneratorFunction', 'AsyncGeneratorFunction'),
  isGeneratorObject: (value: unknown) => tagged('Generator')(value) || tagged('AsyncGenerator')(value),
  isInt16Array: ofArray('Int16Array'),
  isInt32Array: ofArray('Int32Array'),
  isInt8Array: ofArray('Int8Array'),
  isKeyObject: (value: unknown) => tag(value) === 'KeyObject',
  isMap: taken(getter(Map.prototype, 'size')),
  isMapIterator: tagged('Map Iterator'),
  isModuleNamespaceObject: tagged('Module'),
  isNativeError: (value: unknown) => value instanceof Error || tagged('Error')(value),
  isNumberObject,
  isPromise: tagged('Promise'),
  // `isProxy` is always false: no built-in reveals whether a value is a proxy.
  isProxy: () => false,
  isRegExp: taken(getter(RegExp.prototype, 'source')),
  isSet: taken(getter(Set.prototype, 'size')),
  isSetIterator: tagged('Set Iterator'),
  isSharedArrayBuffer,
  isStringObject,
  isSymbolObject,
  isTypedArray: (value: unknown) => ArrayBuffer.isView(value) && !(value instanceof DataView),
  isUint16Array: ofArray('Uint16Array'),
  isUint32Array: ofArray('Uint32Array'),
  isUint8Array: ofArray('Uint8Array'),
  isUint8ClampedArray: ofArray('Uint8ClampedArray'),
  isWeakMap: taken(WeakMap.prototype.has, {}),
  isWeakSet: taken(WeakSet.prototype.has, {}),
}
