import type ivm from 'isolated-vm'
import { guestGuard } from './guest-guard.ts'
import { KIT } from './kit.ts'

/** Memory of one isolate that is neither in V8's heap nor in the buffers that isolated-vm counts. */
export interface OutsideMemory {
  /**
   * Returns the bytes in use outside V8's heap. If `collectFirst`, the isolate collects all its garbage
   * before.
   */
  measure(collectFirst: boolean): Promise<number>
  /** True if the isolate has ever had memory outside V8's heap. */
  readonly isUsed: boolean
  /** True if the isolate has ever had memory of WebAssembly, or a buffer that can grow. */
  readonly isWasmUsed: boolean
  /**
   * Called when the isolate hit its limit of memory outside V8's heap; set when an engine takes the isolate.
   */
  onHit?: (() => void) | undefined
}

/**
 * Source of the function that installs the guard of an isolate's memory, without comments and indentation,
 * which every isolate would keep for nothing.
 */
const SOURCE = `'use strict';(${guestGuard.toString()})({${Object.entries(KIT)
  .map(([name, part]) => `${name}: ${part.toString()}`)
  .join(',')}})`
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => !/^(?:\/\/|\/?\*)/.test(line))
  .join('\n')
const FILE = { filename: 'unmoor:memory' }

let cachedData: ivm.ExternalCopy<ArrayBuffer> | undefined

/**
 * Limits an isolate's memory outside V8's heap: memories and tables of WebAssembly, resizable buffers, Intl.
 * Runs before any other code in the isolate, which could keep V8's own constructors.
 */
export function guardMemory(
  module: typeof ivm,
  isolate: ivm.Isolate,
  context: ivm.Context,
  memoryMb: number,
): OutsideMemory {
  const script: ivm.Script & { cachedDataRejected?: boolean; cachedData?: typeof cachedData } =
    isolate.compileScriptSync(SOURCE, {
      ...FILE,
      ...(cachedData === undefined ? { produceCachedData: true } : { cachedData }),
    })
  cachedData = script.cachedDataRejected === true ? undefined : (script.cachedData ?? cachedData)
  const state: { isUsed: boolean; isWasmUsed: boolean; onHit?: () => void } = {
    isUsed: false,
    isWasmUsed: false,
  }
  const install = script.runSync(context, { reference: true }) as ivm.Reference<
    (limit: number, hit: ivm.Callback, used: ivm.Callback) => (collectFirst: boolean) => number
  >
  script.release()
  const noteUsed = (isWasm: unknown): void => {
    state.isUsed = true
    state.isWasmUsed ||= isWasm === true
  }
  const measure = install.applySync(
    undefined,
    [
      memoryMb * 1024 * 1024,
      new module.Callback(() => state.onHit?.(), { ignored: true }),
      new module.Callback(noteUsed, { ignored: true }),
    ],
    { result: { reference: true } },
  )
  install.release()
  return Object.assign(state, {
    measure: (collectFirst: boolean) => measure.apply(undefined, [collectFirst]),
  })
}
