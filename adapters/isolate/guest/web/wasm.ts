import { Response } from './fetch/response.ts'

/**
 * Defines WebAssembly's asynchronous functions. V8's own finish in tasks that run only when somebody enters
 * the isolate, which may be never. These functions compile synchronously, because the CPU time is the
 * tenant's either way, and return a promise.
 */
export function installWasm(): void {
  restoreSharedArrayBuffer()
  const { Module, Instance } = WebAssembly
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(value, 'name', { value: name, configurable: true })
    Object.defineProperty(WebAssembly, name, { value, writable: true, configurable: true, enumerable: true })
  }
  const compile = async (source: BufferSource): Promise<WebAssembly.Module> => new Module(source)
  const instantiate = async (
    source: BufferSource | WebAssembly.Module,
    ...[imports]: [WebAssembly.Imports?]
  ): Promise<unknown> => {
    if (source instanceof Module) return new Instance(source, imports)
    const module = new Module(source)
    // A WebAssembly module's instance is created a microtask after the module, as the standard requires.
    await Promise.resolve()
    return { module, instance: new Instance(module, imports) }
  }
  const bytesOf = async (source: unknown): Promise<ArrayBuffer> => {
    const response = await source
    if (!(response instanceof Response)) throw new TypeError('compileStreaming takes a Response')
    if (response.headers.get('content-type')?.trim().toLowerCase() !== 'application/wasm')
      throw new TypeError('The Response is not application/wasm')
    if (!response.ok) throw new TypeError(`The Response has status ${response.status}`)
    return response.arrayBuffer()
  }
  define('compile', compile)
  define('instantiate', instantiate)
  define('compileStreaming', async (source: unknown) => compile(await bytesOf(source)))
  define('instantiateStreaming', async (source: unknown, ...[imports]: [WebAssembly.Imports?]) =>
    instantiate(await bytesOf(source), imports),
  )
}

// Restores the global SharedArrayBuffer, which is missing from a context that was read from a snapshot. V8
// still has the class, and the buffer of a shared memory leads to it.
function restoreSharedArrayBuffer(): void {
  if (typeof SharedArrayBuffer !== 'undefined') return
  const { buffer } = new WebAssembly.Memory({ initial: 0, maximum: 0, shared: true })
  // Creating the shared WebAssembly memory may already have restored the global SharedArrayBuffer.
  Reflect.defineProperty(globalThis, 'SharedArrayBuffer', {
    value: buffer.constructor,
    writable: true,
    configurable: true,
  })
}
