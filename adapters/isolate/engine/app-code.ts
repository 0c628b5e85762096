import type ivm from 'isolated-vm'
import { TIMED_OUT } from './ended.ts'

/** The app's name in stack traces. */
const APP = 'app.js'
/**
 * Length of an app whose compiled code is read in the thread that all tenants share: in less time than two
 * switches of threads take.
 */
const MOST_NOW = 256 * 1024
/** Milliseconds after a start in which the app has run what it mostly runs. */
const SETTLED_MS = 1000

/**
 * Microseconds of CPU time up to which a start is short enough for the host's own thread, and short starts in
 * a row after which the next is there.
 */
const SHORT_US = 3000
const KNOWN = 3
/**
 * Milliseconds by the clock that a start may take there: many times a short one's, as a busy machine gives
 * the thread less than a core.
 */
const MOST_HERE_MS = 100

/**
 * A start in the host's own thread that was broken off: it is to be made again, in a new isolate on another
 * thread.
 */
export class TookTooLongInline extends Error {}

type CachedData = ivm.ExternalCopy<ArrayBuffer>
interface Cached {
  cachedData?: CachedData
  cachedDataRejected?: boolean
}

// An app's module is one file that imports and exports nothing, so it means the same as the body of an async
// function; and of scripts isolated-vm takes V8's code, of modules it does not (`compileModule` of 7.0 drops
// it). The column is put right, so that stack traces and source maps hold.
const BEFORE = `void(async function(){'use strict';`
const AFTER = '\n})()'

/** An app's code, and what V8 has made of it: what the first isolate compiled is kept for the next. */
export class AppCode {
  /** The app's code as a script, and as the module that it was. */
  #script: string
  #text: string
  #keep: boolean
  /** True if the code has what only a module has, such as `import.meta`. */
  #isModule = false
  #cache: CachedData | undefined
  #isSettled = false
  /** Short starts in a row. */
  #short = 0
  /** True once the code has held the host's own thread up. */
  #isBarred = false

  /** @param keep Whether compiled code is kept. Default: true. */
  constructor(text: string, keep = true) {
    this.#text = text
    this.#script = BEFORE + text + AFTER
    this.#keep = keep
  }

  /**
   * Runs the app: tenant code, so with a limit in milliseconds. A top-level `await` may leave it unfinished;
   * the guest says `ready` when it is through. With `mayBeInline` code that has started in a short time
   * before, for whichever tenant, is run in the thread that all tenants share: it takes less than two
   * switches of threads.
   *
   * @returns Microseconds of that thread.
   * @throws TookTooLongInline where that was in vain.
   */
  async run(
    isolate: ivm.Isolate,
    context: ivm.Context,
    timeout: number,
    mayBeInline: boolean,
  ): Promise<number> {
    const script = this.#isModule ? undefined : await this.#compile(isolate)
    if (script === undefined) {
      await this.#runModule(isolate, context, timeout)
      return 0
    }
    const before = isolate.cpuTime
    const isHere = mayBeInline && !this.#isBarred && this.#short >= KNOWN
    if (isHere) this.#runHere(script, context)
    else await script.run(context, { timeout })
    script.release()
    const us = Number(isolate.cpuTime - before) / 1000
    this.#short = us <= SHORT_US ? this.#short + 1 : 0
    if (this.#keep && !this.#isSettled) setTimeout(() => void this.#settle(isolate), SETTLED_MS).unref()
    return isHere ? us : 0
  }

  #runHere(script: ivm.Script, context: ivm.Context): void {
    try {
      script.runSync(context, { timeout: MOST_HERE_MS })
    } catch (error) {
      if (!(error instanceof Error && error.message.includes(TIMED_OUT))) throw error
      // Its starts were short so far: code that holds the others up now and then is not run here again.
      this.#isBarred = true
      throw new TookTooLongInline(error.message)
    }
  }

  async #compile(isolate: ivm.Isolate): Promise<ivm.Script | undefined> {
    const cachedData = this.#cache
    try {
      // Nothing of the app's runs here.
      const script: ivm.Script & Cached =
        cachedData !== undefined && this.#text.length <= MOST_NOW
          ? isolate.compileScriptSync(this.#script, { ...SCRIPT, cachedData })
          : await isolate.compileScript(this.#script, {
              ...SCRIPT,
              ...(cachedData === undefined ? this.#produce : { cachedData }),
            })
      if (script.cachedData !== undefined) this.#cache = script.cachedData
      // Code that V8 refuses (other flags) is no loss but of time.
      if (script.cachedDataRejected === true) this.#cache = undefined
      return script
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      this.#isModule = true
      return undefined
    }
  }

  get #produce(): { produceCachedData?: true } {
    return this.#keep ? { produceCachedData: true } : {}
  }

  // With the functions that starting and answering have compiled: V8 finds the script that it has when it is
  // given the same text again.
  async #settle(isolate: ivm.Isolate): Promise<void> {
    if (this.#isSettled || isolate.isDisposed) return
    this.#isSettled = true
    try {
      const again: ivm.Script & Cached = await isolate.compileScript(this.#script, {
        ...SCRIPT,
        produceCachedData: true,
      })
      if (again.cachedData !== undefined) this.#cache = again.cachedData
      again.release()
    } catch {
      // The isolate ended meanwhile: the next start tries again.
      this.#isSettled = false
    }
  }

  async #runModule(isolate: ivm.Isolate, context: ivm.Context, timeout: number): Promise<void> {
    const module = await isolate.compileModule(this.#text, { filename: APP })
    await module.instantiate(context, (specifier) => {
      throw new Error(`The app imports ${specifier}, which is not in its bundle.`)
    })
    await module.evaluate({ timeout })
    module.release()
  }
}

const SCRIPT = { filename: APP, columnOffset: -BEFORE.length }
