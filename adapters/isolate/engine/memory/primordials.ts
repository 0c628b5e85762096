/**
 * Collects V8's built-ins before a tenant can change them.
 *
 * Functions of this folder whose names begin with `guest` run in the isolate, before any other code:
 * `guard.ts` evaluates their text there. Each of them therefore imports nothing but types. A tenant may later
 * have changed every built-in, so these functions call only the built-ins collected here, iterate over
 * nothing, and keep lists in objects without a prototype.
 */
export function guestPrimordials() {
  const { apply, construct, getOwnPropertyDescriptor } = Reflect
  type Getter = () => unknown
  /** Returns a built-in method as a function that takes `this` as its first argument. */
  const free = <T>(holder: object, name: string) => {
    const method = Reflect.get(holder, name) as (...args: unknown[]) => T
    return (self: unknown, ...args: unknown[]): T => apply(method, self, args)
  }
  const getter = <T>(holder: object, name: string): ((self: unknown) => T) => {
    const get = getOwnPropertyDescriptor(holder, name)?.get
    return (self) => apply(get as () => T, self, [])
  }
  const isView = free<boolean>(ArrayBuffer, 'isView')
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
  const shared =
    typeof SharedArrayBuffer === 'undefined'
      ? undefined
      : getter<number>(SharedArrayBuffer.prototype, 'byteLength')
  return {
    apply,
    construct,
    free,
    getter,
    create: Object.create,
    keys: Object.keys,
    defineProperty: Reflect.defineProperty,
    deleteProperty: Reflect.deleteProperty,
    whenSettled: free<Promise<unknown>>(Promise.prototype, 'then'),
    Uint8Array,
    BigInt,
    Number,
    String,
    RangeError,
    TypeError,
    WeakRef,
    WeakMap,
    Proxy,
    deref: free<object | undefined>(WeakRef.prototype, 'deref'),
    get: free<unknown>(WeakMap.prototype, 'get'),
    put: free<unknown>(WeakMap.prototype, 'set'),
    isView: (value: unknown): value is ArrayBufferView => isView(undefined, value),
    setBytes: free<undefined>(Uint8Array.prototype, 'set'),
    floor: Math.floor,
    min: Math.min,
    max: Math.max,
    viewTag: getOwnPropertyDescriptor(typedArray, Symbol.toStringTag)?.get as Getter,
    typedBuffer: getter<ArrayBuffer>(typedArray, 'buffer'),
    typedOffset: getter<number>(typedArray, 'byteOffset'),
    typedBytes: getter<number>(typedArray, 'byteLength'),
    dataBuffer: getter<ArrayBuffer>(DataView.prototype, 'buffer'),
    dataOffset: getter<number>(DataView.prototype, 'byteOffset'),
    dataBytes: getter<number>(DataView.prototype, 'byteLength'),
    bufferBytes: getter<number>(ArrayBuffer.prototype, 'byteLength'),
    sharedBytes: shared,
  }
}

/** The built-ins that {@link guestPrimordials} returns. */
export type Primordials = ReturnType<typeof guestPrimordials>
