import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type ivm from 'isolated-vm'
import { AppCode } from '../../engine/app-code.ts'
import { type Bridge, connect, connectNow } from '../../engine/bridge.ts'
import { compiledCode, WARM_UP_BRIDGE, WEB_API } from '../../engine/compiled-code.ts'
import { guardMemory, type OutsideMemory } from '../../engine/memory/guard.ts'
import { FirstEntryTimes } from '../../engine/first-entry-times.ts'
import type { IsolateFactory } from '../../engine/engine.ts'
import type { InlineWatch } from '../../engine/inline-watch.ts'

type Ivm = typeof ivm
type CachedData = ivm.ExternalCopy<ArrayBuffer>
interface Cached {
  cachedDataRejected?: boolean
}
interface PooledIsolate {
  isolate: ivm.Isolate
  context: ivm.Context
  bridge: Bridge
  outside: OutsideMemory
  /** Handler for V8's loss of control over the isolate; replaced when an app claims the isolate. */
  owner: { onCatastrophe: (message: string) => void }
}

/** Milliseconds from the claim of a pooled isolate to the creation of its replacement. */
const REFILL_MS = 20

/**
 * Isolates with one web API loaded, and its compiled code. A web API is the `web-api.js` of artifacts of one
 * unmoor version.
 */
class WebApiPool {
  #ivm: Ivm
  #code: string
  #cache: CachedData | undefined
  #ready: PooledIsolate[] = []
  #filling = false
  #closed = false
  #size: number
  #memoryMb: number
  #onCatastrophe: (message: string) => void
  #watch: InlineWatch
  #refill: NodeJS.Timeout | undefined

  constructor(module: Ivm, code: string, options: PoolOptions) {
    this.#ivm = module
    this.#code = `'use strict';${code}`
    this.#size = options.pool
    this.#memoryMb = options.memoryMb
    this.#onCatastrophe = options.onCatastrophe
    this.#watch = options.watch
  }

  async take(memoryMb: number, onCatastrophe: (message: string) => void): Promise<PooledIsolate> {
    const ready = memoryMb === this.#memoryMb ? this.#ready.pop() : undefined
    // Refill the pool of isolates later: the claimed isolate should answer first, and creating another blocks
    // this thread for a millisecond or two.
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined
      void this.fill()
    }, REFILL_MS)
    const filled = ready ?? this.#createNow(memoryMb) ?? (await this.#create(memoryMb))
    filled.owner.onCatastrophe = onCatastrophe
    return filled
  }

  async fill(): Promise<void> {
    if (this.#filling || this.#closed) return
    this.#filling = true
    try {
      while (!this.#closed && this.#ready.length < this.#size) {
        const filled = await this.#create(this.#memoryMb)
        this.#watch.add(filled.isolate)
        this.#ready.push(filled)
      }
    } catch {
      // The pool could not be filled: a caller that needs an isolate tries again and gets the error.
    } finally {
      this.#filling = false
    }
    if (this.#closed) this.close()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#refill)
    for (const { isolate } of this.#ready.splice(0)) {
      this.#watch.remove(isolate)
      isolate.dispose()
    }
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get waiting(): number {
    return this.#ready.length
  }

  #createIsolate(memoryMb: number): Pick<PooledIsolate, 'isolate' | 'owner'> {
    const owner = { onCatastrophe: this.#onCatastrophe }
    return {
      isolate: new this.#ivm.Isolate({
        memoryLimit: memoryMb,
        onCatastrophicError: (message) => owner.onCatastrophe(message),
      }),
      owner,
    }
  }

  /**
   * Creates an isolate for a waiting request synchronously, since switching threads four times takes longer
   * than the work. Returns undefined until the web API's code is compiled.
   */
  #createNow(memoryMb: number): PooledIsolate | undefined {
    if (this.#cache === undefined) return undefined
    const { isolate, owner } = this.#createIsolate(memoryMb)
    const context = isolate.createContextSync()
    const outside = guardMemory(this.#ivm, isolate, context, memoryMb)
    const script: ivm.Script & Cached = isolate.compileScriptSync(this.#code, {
      filename: WEB_API,
      cachedData: this.#cache,
    })
    if (script.cachedDataRejected === true) this.#cache = undefined
    script.runSync(context, { timeout: 10_000 })
    script.release()
    return { isolate, context, outside, bridge: connectNow(this.#ivm, context), owner }
  }

  async #create(memoryMb: number): Promise<PooledIsolate> {
    this.#cache ??= await this.#compile()
    const { isolate, owner } = this.#createIsolate(memoryMb)
    const context = await isolate.createContext()
    const outside = guardMemory(this.#ivm, isolate, context, memoryMb)
    const cached = this.#cache === undefined ? {} : { cachedData: this.#cache }
    const script: ivm.Script & Cached = await isolate.compileScript(this.#code, {
      filename: WEB_API,
      ...cached,
    })
    await script.run(context, { timeout: 10_000 })
    if (script.cachedDataRejected === true) this.#cache = undefined
    script.release()
    return { isolate, context, outside, bridge: await connect(this.#ivm, context), owner }
  }

  /**
   * Compiles the web API in an isolate that is thrown away. Lazy functions are compiled by answering a
   * request, and no app may get an isolate that has answered one.
   */
  async #compile(): Promise<CachedData | undefined> {
    const { isolate } = this.#createIsolate(this.#memoryMb)
    try {
      const context = await isolate.createContext()
      guardMemory(this.#ivm, isolate, context, this.#memoryMb)
      const script = await isolate.compileScript(this.#code, { filename: WEB_API })
      await script.run(context, { timeout: 10_000 })
      return await compiledCode(isolate, context, this.#code, WARM_UP_BRIDGE)
    } finally {
      isolate.dispose()
    }
  }
}

/** Options of {@link IsolatePool}, the pool of pre-warmed isolates. */
export interface PoolOptions {
  /** Number of ready isolates to keep per web API. */
  pool: number
  /** Memory limit of pooled isolates in MB. An app with another limit gets an isolate created on demand. */
  memoryMb: number
  /** Called when V8 loses control of an isolate that no app has claimed yet. */
  onCatastrophe: (message: string) => void
  /**
   * Watch over inline entries. Pooled isolates are already watched, so that an app's first entry may be
   * inline.
   */
  watch: InlineWatch
}

/** Maximum number of web APIs cached at once, enough for artifacts of a few unmoor versions. */
const MAX_WEB_APIS = 4
/** Maximum number of files whose web API or app code is cached. */
const MAX_FILES = 1000
const WEB_API_FILE = 'web-api.js'

/**
 * Pool of pre-warmed isolates. The web API comes from the artifacts and is as untrusted as the app: it has no
 * right that the app does not have.
 */
export class IsolatePool {
  #ivm: Ivm
  #options: PoolOptions
  #apis = new Map<string, WebApiPool>()
  #files = new Map<string, WebApiPool>()
  #appFiles = new Map<string, WeakRef<PooledIsolateFactory>>()
  /**
   * Isolate factories in use, by hash of the app's code: apps with the same code share V8's compiled code.
   */
  #factories = new Map<string, WeakRef<PooledIsolateFactory>>()
  #forgotten = new FinalizationRegistry<string>((key) => {
    if (this.#factories.get(key)?.deref() === undefined) this.#factories.delete(key)
  })

  constructor(module: Ivm, options: PoolOptions) {
    this.#ivm = module
    this.#options = options
  }

  /** Returns a factory of isolates for the artifact in a folder. */
  factory(dir: string): IsolateFactory {
    const webApi = this.#webApiIn(dir)
    // The app's code is read synchronously: a few hundred kilobytes from a local disk take less time than
    // switching threads.
    const path = join(dir, 'app.js')
    const id = fileId(path)
    const same = this.#appFiles.get(id)?.deref()
    if (same?.webApi === webApi) return same
    const factory = this.#factoryOf(readFileSync(path, 'utf8'), webApi)
    // The cache of apps' code files is bounded, since each deploy brings a new file even if the code stays
    // the same.
    if (this.#appFiles.size >= MAX_FILES) this.#appFiles.clear()
    this.#appFiles.set(id, new WeakRef(factory))
    return factory
  }

  #factoryOf(app: string, webApi: WebApiPool): PooledIsolateFactory {
    const key = createHash('sha256').update(app).digest('hex')
    const known = this.#factories.get(key)?.deref()
    if (known?.webApi === webApi) return known
    const factory = new PooledIsolateFactory(webApi, app)
    this.#factories.set(key, new WeakRef(factory))
    this.#forgotten.register(factory, key)
    return factory
  }

  /**
   * Fills the pool for an artifact's web API before the first app needs it. No effect if the artifact is
   * missing.
   */
  async warm(dir: string): Promise<void> {
    let webApi: WebApiPool
    try {
      webApi = this.#webApiIn(dir)
    } catch {
      return
    }
    await webApi.fill()
  }

  /** Number of ready isolates in all pools of this process. */
  get waiting(): number {
    return [...this.#apis.values()].reduce((sum, api) => sum + api.waiting, 0)
  }

  close(): void {
    for (const api of this.#apis.values()) api.close()
    this.#apis.clear()
  }

  // The web API files of most artifacts are hard links to one file (`store/`), which is read and hashed once.
  #webApiIn(dir: string): WebApiPool {
    const path = join(dir, WEB_API_FILE)
    const id = fileId(path)
    const known = this.#files.get(id)
    if (known?.isClosed === false) return known
    const api = this.#webApi(readFileSync(path, 'utf8'))
    if (this.#files.size >= MAX_FILES) this.#files.clear()
    this.#files.set(id, api)
    return api
  }

  #webApi(code: string): WebApiPool {
    const key = createHash('sha256').update(code).digest('hex')
    const known = this.#apis.get(key)
    if (known !== undefined) return known
    const api = new WebApiPool(this.#ivm, code, this.#options)
    if (this.#apis.size >= MAX_WEB_APIS) {
      const [oldest, old] = [...this.#apis][0] as [string, WebApiPool]
      this.#apis.delete(oldest)
      old.close()
    }
    this.#apis.set(key, api)
    void api.fill()
    return api
  }
}

/** Returns an id of a file's content, from its inode, size and modification time. */
function fileId(path: string): string {
  const { dev, ino, size, mtimeMs } = statSync(path)
  return `${dev} ${ino} ${size} ${mtimeMs}`
}

/** Creates isolates of one app from the pool. */
class PooledIsolateFactory implements IsolateFactory {
  readonly webApi: WebApiPool
  readonly firstEntryTimes = new FirstEntryTimes()
  #app: AppCode

  constructor(webApi: WebApiPool, app: string) {
    this.webApi = webApi
    this.#app = new AppCode(app)
  }

  createIsolate(memoryMb: number, onCatastrophe: (message: string) => void): Promise<PooledIsolate> {
    return this.webApi.take(memoryMb, onCatastrophe)
  }

  runApp(isolate: ivm.Isolate, context: ivm.Context, timeout: number, mayBeInline: boolean): Promise<number> {
    return this.#app.run(isolate, context, timeout, mayBeInline)
  }
}
