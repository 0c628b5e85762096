import { readFileSync } from 'node:fs'
import { close as closeInspector } from 'node:inspector'
import { join } from 'node:path'
import type ivm from 'isolated-vm'
import type { IsolateOptions } from '../options.ts'
import type { IsolateFactory } from '../engine/engine.ts'
import { CachedIsolateFactory, type Sources } from '../engine/isolate-factory.ts'
import type { Limits } from '../engine/limits.ts'
import { printLog } from '../services/log.ts'
import type { StackMapper } from './stack-mapper.ts'
import { rejectionText, VmIsolateFactory, vmModule } from '../engine/vm-isolate-factory.ts'

/**
 * Milliseconds (a day) of every time limit in a debugging run, where the app may be stopped at a breakpoint.
 */
export const NO_LIMIT_MS = 86_400_000

/** True if the app runs in this process instead of an isolate, so that a debugger sees it. */
export const isDebugged = (): boolean => process.env['UNMOOR_DEBUG'] === '1'

/**
 * The isolated-vm module or its stand-in for debugging, the isolate factory and the limits with which an app
 * runs.
 */
export interface Debugging {
  module: typeof ivm
  factory: IsolateFactory
  limits: Limits
  /** True if clients see the errors that the app throws. */
  showErrors: boolean
}

interface Run {
  ivm: typeof ivm
  sources: Sources
  options: IsolateOptions
  limits: Limits
  dir: string
  mapper: StackMapper
}

/**
 * Reads the variables `UNMOOR_DEV` (1: errors are shown to clients) and `UNMOOR_DEBUG` (1: the app runs where
 * Node's own inspector sees it). `unmoor dev` and `--inspect` set these variables.
 */
export function openDebugging({ ivm: module, sources, options, limits, dir, mapper }: Run): Debugging {
  const showErrors = process.env['UNMOOR_DEV'] === '1'
  if (!isDebugged())
    return { module, factory: new CachedIsolateFactory(module, sources, options.startup), limits, showErrors }
  console.error('Debugging: the app runs in the host’s own process, without limits. For development only.')
  process.on('unhandledRejection', (error) => printLog('error', mapper.text(rejectionText(error))))
  endWithDebugger()
  const factory = new VmIsolateFactory({ ...sources, app: withMap(sources.app, readMap(dir)) })
  return {
    module: vmModule,
    factory,
    limits: { ...limits, cpuMs: NO_LIMIT_MS, startupMs: NO_LIMIT_MS },
    showErrors,
  }
}

/** Lets this process exit while a debugger is attached; Node would wait until the debugger disconnects. */
export function endWithDebugger(): void {
  process.once('exit', () => closeInspector())
}

/** Returns an artifact's source map as base64; undefined if the artifact has none. */
export function readMap(dir: string): string | undefined {
  try {
    return readFileSync(join(dir, 'app.js.map'), 'base64')
  } catch {
    return undefined
  }
}

/** Returns the app's bundle with its source map inline, so that a debugger shows the app's own files. */
export function withMap(app: string, map: string | undefined): string {
  return map === undefined ? app : `${app}\n//# sourceMappingURL=data:application/json;base64,${map}\n`
}
