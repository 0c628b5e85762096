import type ivm from 'isolated-vm'
import { TIMED_OUT } from './ended.ts'

/** File name of the app's code in stack traces. */
const APP = 'app.js'
/**
 * Characters of the longest app whose compiled code is read on the main thread, which takes less time than
 * two thread switches.
 */
const MOST_NOW = 256 * 1024
/**
 * Milliseconds after the start of an app's isolate by which the app has run most of the functions that it
 * will run.
 */
const SETTLED_MS = 1000

/**
 * Microseconds of CPU time up to which an app's start in an isolate is short. After `KNOWN` short starts in a
 * row the app's next start is on the main thread.
 */
const SHORT_US = 3000
const KNOWN = 3
/**
 * Wall-clock milliseconds that the start of an app on the main thread may take: many times a short start's,
 * because a busy machine gives the thread less than a core.
 */
const MOST_HERE_MS = 100

/**
 * Error for an app whose start on the main thread took too long and was aborted. The app is to be started
 * again, in a new isolate on another thread.
 */
export class TookTooLongInline extends Error {}

type CachedData = ivm.ExternalCopy<ArrayBuffer>
interface Cached {
  cachedData?: CachedData
  cachedDataRejected?: boolean
}

// The app's module is compiled as a script, as the body of an async function, because isolated-vm returns
// V8's compiled code of scripts but not of modules (`compileModule` of 7.0 drops it). The module imports and
// exports nothing, so it behaves the same. `columnOffset` corrects the column, so that stack traces and
// source maps hold.
const BEFORE = `void(async function(){'use strict';`
const AFTER = '\n})()'

/** An app's code and V8's compiled code of it: code compiled in the first isolate is kept for the next. */
export class AppCode {
  /** The app's code as a script, which is made of the app's module `#text`. */
  #script: string
  #text: string
  #keep: boolean
  /** True if the app's code has syntax that only modules have, such as `import.meta`. */
  #isModule = false
  #cache: CachedData | undefined
  #isSettled = false
  /** Number of short starts of the app in a row. */
  #short = 0
  /** True once a start of this app took too long on the main thread. */
  #isBarred = false

  /** @param keep If true, V8's compiled code of the app is kept for the next isolate. Default: true. */
  constructor(text: string, keep = true) {
    this.#text = text
    this.#script = BEFORE + text + AFTER
    this.#keep = keep
  }

  /**
   * Runs the app, which is tenant code, for at most `timeout` milliseconds. A top-level `await` may leave the
   * app unfinished; the guest says `ready` when the app is loaded. If `mayBeInline`, code whose starts have
   * been short, for whichever tenant, runs on the main thread, which takes less than two thread switches.
   *
   * @returns Microseconds of the main thread that the run took.
   * @throws TookTooLongInline if the run took too long on the main thread.
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
      // An app whose start blocks the main thread for too long, after earlier short starts, never starts on
      // the main thread again.
      this.#isBarred = true
      throw new TookTooLongInline(error.message)
    }
  }

  async #compile(isolate: ivm.Isolate): Promise<ivm.Script | undefined> {
    const cachedData = this.#cache
    try {
      // Compiling the app's script needs no time limit, because it runs none of the app's code.
      const script: ivm.Script & Cached =
        cachedData !== undefined && this.#text.length <= MOST_NOW
          ? isolate.compileScriptSync(this.#script, { ...SCRIPT, cachedData })
          : await isolate.compileScript(this.#script, {
              ...SCRIPT,
              ...(cachedData === undefined ? this.#produce : { cachedData }),
            })
      if (script.cachedData !== undefined) this.#cache = script.cachedData
      // Compiled code that V8 rejects (other flags) costs only the time to compile the app again.
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

  // Keeps V8's compiled code of the app, which now includes the functions that starting and answering have
  // compiled. V8 finds the script that it has when it compiles the same text again.
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
      // The isolate ended while its code was compiled again: the next start tries once more.
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
