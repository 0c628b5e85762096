import { finish } from '../define.ts'
import { DOMException } from '../dom-exception.ts'
import { Event } from './event.ts'
import { defineHandler, dispatchTrusted, EventTarget } from './event-target.ts'
import { clearTimer, startTimer } from '../timers.ts'

const INTERNAL = Symbol('internal')

/** Aborts an AbortSignal. Assigned inside the class AbortSignal. */
export let abortSignal: (signal: AbortSignal, reason: unknown) => void
/** Runs `work` when an AbortSignal aborts, before its listeners. Returns a function that removes `work`. */
export let onAbort: (signal: AbortSignal, work: () => void) => () => void

export class AbortSignal extends EventTarget {
  #aborted = false
  #reason: unknown = undefined
  #work: Set<() => void> | undefined
  #sources: AbortSignal[] = []
  #dependents: AbortSignal[] | undefined

  constructor(key?: symbol) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    super()
    finish(AbortSignal)
  }

  get aborted(): boolean {
    return this.#aborted
  }
  get reason(): unknown {
    return this.#reason
  }
  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = createSignal()
    signal.#aborted = true
    signal.#reason = reason === undefined ? abortError() : reason
    return signal
  }

  static timeout(milliseconds: number): AbortSignal {
    const delay = Number(milliseconds)
    if (!Number.isFinite(delay) || delay < 0 || delay > Number.MAX_SAFE_INTEGER)
      throw new TypeError('AbortSignal.timeout takes milliseconds')
    const signal = createSignal()
    const timer = startTimer(
      () => signal.#abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
      delay,
      false,
    )
    onAbort(signal, () => clearTimer(timer))
    return signal
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const list = [...signals]
    for (const signal of list)
      if (!(signal instanceof AbortSignal)) throw new TypeError('AbortSignal.any takes AbortSignals')
    const joined = createSignal()
    const aborted = list.find((signal) => signal.#aborted)
    if (aborted !== undefined) {
      joined.#aborted = true
      joined.#reason = aborted.#reason
      return joined
    }
    // `AbortSignal.any`: a joined signal depends on the root signals only, so that all dependents are marked
    // before any listener runs.
    for (const signal of list) {
      for (const source of signal.#sources.length > 0 ? signal.#sources : [signal]) {
        if (joined.#sources.includes(source)) continue
        joined.#sources.push(source)
        source.#dependents ??= []
        source.#dependents.push(joined)
      }
    }
    return joined
  }

  #abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason === undefined ? abortError() : reason
    const dependents = (this.#dependents ?? []).filter((signal) => !signal.#aborted)
    this.#dependents = undefined
    for (const signal of dependents) {
      signal.#aborted = true
      signal.#reason = this.#reason
    }
    this.#run()
    for (const signal of dependents) {
      signal.#run()
      for (const source of signal.#sources)
        source.#dependents = source.#dependents?.filter((entry) => entry !== signal)
    }
  }

  #run(): void {
    const work = this.#work
    this.#work = undefined
    if (work !== undefined) for (const entry of work) entry()
    dispatchTrusted(this, new Event('abort'))
  }

  static {
    abortSignal = (signal, reason) => signal.#abort(reason)
    onAbort = (signal, work) => {
      signal.#work ??= new Set()
      signal.#work.add(work)
      return () => void signal.#work?.delete(work)
    }
  }
}
defineHandler(AbortSignal.prototype, 'abort')

/** Creates an AbortSignal that only this runtime can abort. */
export function createSignal(): AbortSignal {
  return new AbortSignal(INTERNAL)
}

function abortError(): DOMException {
  return new DOMException('This operation was aborted', 'AbortError')
}

export class AbortController {
  #signal = createSignal()

  get signal(): AbortSignal {
    return this.#signal
  }
  abort(reason?: unknown): void {
    abortSignal(this.#signal, reason)
  }
}
