import type ivm from 'isolated-vm'
import type { IsolateOptions } from '../options.ts'
import { AppCode } from './app-code.ts'
import { compiledCode, WARM_UP, WEB_API } from './compiled-code.ts'
import { guardMemory, type OutsideMemory } from './memory/guard.ts'

/** Source texts that an isolate is filled with: the web API, then the app. */
export interface Sources {
  readonly webApi: string
  readonly app: string
}

type Ivm = typeof ivm
type CachedData = ivm.ExternalCopy<ArrayBuffer>

/** Makes isolates filled with the web API and one app. Code compiled in the first is kept for the next. */
export class CachedIsolateFactory {
  #ivm: Ivm
  #sources: Sources
  #startup: NonNullable<IsolateOptions['startup']>
  #app: AppCode
  #cache: CachedData | undefined
  #snapshot: ivm.ExternalCopy<ArrayBuffer> | undefined

  constructor(module: Ivm, sources: Sources, startup: IsolateOptions['startup'] = 'code-cache') {
    this.#ivm = module
    this.#sources = sources
    this.#startup = startup
    this.#app = new AppCode(sources.app, startup !== 'source')
  }

  /** Creates an isolate with the web API in it. */
  async createIsolate(
    memoryMb: number,
    onCatastrophe: (message: string) => void,
  ): Promise<{ isolate: ivm.Isolate; context: ivm.Context; outside: OutsideMemory }> {
    const options = { memoryLimit: memoryMb, onCatastrophicError: onCatastrophe }
    const snapshot = this.#startup === 'snapshot' ? (this.#snapshot ??= this.#createSnapshot()) : undefined
    const isolate = new this.#ivm.Isolate(snapshot === undefined ? options : { ...options, snapshot })
    const context = await isolate.createContext()
    const outside = guardMemory(this.#ivm, isolate, context, memoryMb)
    if (snapshot === undefined) await this.#runWebApi(isolate, context)
    return { isolate, context, outside }
  }

  runApp(isolate: ivm.Isolate, context: ivm.Context, timeout: number, mayBeInline: boolean): Promise<number> {
    return this.#app.run(isolate, context, timeout, mayBeInline)
  }

  async #runWebApi(isolate: ivm.Isolate, context: ivm.Context): Promise<void> {
    const code = `'use strict';${this.#sources.webApi}`
    const cached = this.#cache === undefined ? {} : { cachedData: this.#cache }
    const script: ivm.Script & { cachedDataRejected?: boolean } = await isolate.compileScript(code, {
      filename: WEB_API,
      ...cached,
    })
    // Compiled code that V8 rejects (other flags) costs only the time to compile the web API again.
    if (script.cachedDataRejected === true) this.#cache = undefined
    await script.run(context, { timeout: 10_000 })
    if (this.#startup === 'code-cache') this.#cache ??= await compiledCode(isolate, context, code)
    script.release()
  }

  #createSnapshot(): ivm.ExternalCopy<ArrayBuffer> {
    return this.#ivm.Isolate.createSnapshot([{ code: this.#sources.webApi, filename: WEB_API }], WARM_UP)
  }
}
