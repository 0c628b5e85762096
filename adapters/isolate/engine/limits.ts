import type { IsolateOptions } from '../options.ts'

/** The limits of an isolate, with their defaults filled in; units as in {@link IsolateOptions}. */
export interface Limits {
  readonly memoryMb: number
  readonly cpuMs: number
  readonly startupMs: number
  /** Milliseconds of CPU time that loading the app may take. Default: `startupMs`. */
  readonly startupCpuMs?: number | undefined
}

export function readLimits(options: IsolateOptions): Limits {
  return {
    memoryMb: options.memoryMb ?? 128,
    cpuMs: options.cpuMs ?? 1000,
    startupMs: (options.startupTimeout ?? 5) * 1000,
  }
}
