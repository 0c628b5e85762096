import { Response } from './fetch/response.ts'

/**
 * WebAssembly's asynchronous functions. V8's own finish in tasks that run only when somebody enters the
 * isolate, which may be never; so these compile at once (the CPU is the tenant's either way) and answer in a
 * promise.
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
    // The module's instance is made a microtask later, as the standard has it.
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

// A context that was read from a snapshot lacks the global; V8 has the class, and a shared memory's buffer
// leads to it.
function restoreSharedArrayBuffer(): void {
  if (typeof SharedArrayBuffer !== 'undefined') return
  const { buffer } = new WebAssembly.Memory({ initial: 0, maximum: 0, shared: true })
  // Making the memory may have brought the global back already.
  Reflect.defineProperty(globalThis, 'SharedArrayBuffer', {
    value: buffer.constructor,
    writable: true,
    configurable: true,
  })
}
