import type ivm from 'isolated-vm'
import { guestGuard } from './guest-guard.ts'
import { KIT } from './kit.ts'

/** Memory of one isolate outside V8's heap and isolated-vm's buffers. */
export interface OutsideMemory {
  /** Bytes that are in use. `collectFirst` has the isolate collect all its garbage before. */
  measure(collectFirst: boolean): Promise<number>
  /** True if there ever was memory outside V8's heap. */
  readonly isUsed: boolean
  /** True if some of that memory was WebAssembly's, or a buffer's that can grow. */
  readonly isWasmUsed: boolean
  /** Called when the limit was hit: given when somebody has the isolate. */
  onHit?: (() => void) | undefined
}

/** The function that installs the guard, without what every isolate would keep for nothing. */
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
 * Holds what an isolate has outside V8's heap to its limit of memory: memories and tables of WebAssembly,
 * resizable buffers, Intl. Before any other code runs in it, as that could keep V8's own constructors.
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
