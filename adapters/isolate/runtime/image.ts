import type ivm from 'isolated-vm'
import type { IsolateOptions } from '../options.ts'
import { compiledCode, WARM_UP, WEB_API } from './compiled-code.ts'

/** What an isolate is filled with: the web API, then the app. */
export interface Sources {
  readonly webApi: string
  readonly app: string
}

/** Names of the scripts in stack traces. */
const APP = 'app.js'

type Ivm = typeof ivm
type CachedData = ivm.ExternalCopy<ArrayBuffer>
/** What compiling leaves on a script or module. */
interface Cached {
  cachedData?: CachedData | undefined
  cachedDataRejected?: boolean
}

/** Makes filled isolates of one app; what the first one compiled is kept for the next. */
export class Image {
  #ivm: Ivm
  #sources: Sources
  #startup: NonNullable<IsolateOptions['startup']>
  #cache = new Map<string, CachedData>()
  #snapshot: ivm.ExternalCopy<ArrayBuffer> | undefined

  constructor(module: Ivm, sources: Sources, startup: IsolateOptions['startup'] = 'code-cache') {
    this.#ivm = module
    this.#sources = sources
    this.#startup = startup
  }

  /** A new isolate with the web API in it. */
  async createIsolate(memoryMb: number, onCatastrophe: (message: string) => void): Promise<{ isolate: ivm.Isolate; context: ivm.Context }> {
    const options = { memoryLimit: memoryMb, onCatastrophicError: onCatastrophe }
    const snapshot = this.#startup === 'snapshot' ? (this.#snapshot ??= this.#createSnapshot()) : undefined
    const isolate = new this.#ivm.Isolate(snapshot === undefined ? options : { ...options, snapshot })
    const context = await isolate.createContext()
    if (snapshot === undefined) await this.#runWebApi(isolate, context)
    return { isolate, context }
  }

  /**
   * Runs the app's module: tenant code, so with a limit in milliseconds. A top-level `await` may leave it unfinished;
   * the guest says `ready` when it is through.
   */
  async runApp(isolate: ivm.Isolate, context: ivm.Context, timeout: number): Promise<void> {
    const module: ivm.Module & Cached = await isolate.compileModule(this.#sources.app, this.#compileOptions(APP))
    this.#keepCache(APP, module)
    await module.instantiate(context, (specifier) => {
      throw new Error(`The app imports ${specifier}, which is not in its bundle.`)
    })
    await module.evaluate({ timeout })
    module.release()
  }

  async #runWebApi(isolate: ivm.Isolate, context: ivm.Context): Promise<void> {
    const code = `'use strict';${this.#sources.webApi}`
    const { produceCachedData: _after, ...options } = this.#compileOptions(WEB_API)
    const script: ivm.Script & Cached = await isolate.compileScript(code, options)
    this.#keepCache(WEB_API, script)
    await script.run(context, { timeout: 10_000 })
    if (this.#startup === 'code-cache' && !this.#cache.has(WEB_API)) this.#keepCache(WEB_API, { cachedData: await compiledCode(isolate, context, code) })
    script.release()
  }

  #compileOptions(filename: string): { filename: string; cachedData?: CachedData; produceCachedData?: true } {
    const cachedData = this.#cache.get(filename)
    if (this.#startup === 'source') return { filename }
    return cachedData === undefined ? { filename, produceCachedData: true } : { filename, cachedData }
  }

  #keepCache(filename: string, compiled: Cached): void {
    if (compiled.cachedData !== undefined) this.#cache.set(filename, compiled.cachedData)
    // A cache that V8 refuses (other flags) is no loss but of time.
    if (compiled.cachedDataRejected === true) this.#cache.delete(filename)
  }

  #createSnapshot(): ivm.ExternalCopy<ArrayBuffer> {
    return this.#ivm.Isolate.createSnapshot([{ code: this.#sources.webApi, filename: WEB_API }], WARM_UP)
  }
}
