import { UnmoorError } from '../../../core/errors.ts'

/** What one app may use. Each is per process of the host, except where it says otherwise. */
export interface AppLimits {
  /** Memory of the isolate in MB; a guideline, see SECURITY.md. Default: 128. */
  memoryMb: number
  /** CPU milliseconds of one entry into the isolate (a request without waits is one). Beyond it: 503, and the isolate is replaced. Default: 1000. */
  cpuMs: number
  /** Milliseconds until the handler must have answered. Beyond it: 503. Default: 30,000. */
  wallMs: number
  /** Requests at once. Beyond it: 503. Default: 200. */
  concurrentRequests: number
  /** Bytes of a request's body. Beyond it: 413. Default: 100 MiB. */
  requestBytes: number
  /** Bytes of an answer's body. Beyond it: 500, or a cut connection where the answer has begun. Default: 100 MiB. */
  responseBytes: number
  /** The app's own `fetch` calls per event, counted together for events that are under way together. Beyond it: the call fails. Default: 1000. */
  subrequests: number
  /** Timers at once. Beyond it: the isolate is replaced. Default: 1000. */
  timers: number
  /** CPU milliseconds that loading the app may take. Beyond it: 503. Default: 1000. */
  startupCpuMs: number
}

export const DEFAULT_LIMITS: AppLimits = {
  memoryMb: 128,
  cpuMs: 1000,
  wallMs: 30_000,
  concurrentRequests: 200,
  requestBytes: 100 * 1024 * 1024,
  responseBytes: 100 * 1024 * 1024,
  subrequests: 1000,
  timers: 1000,
  startupCpuMs: 1000,
}

/** The limits' names, as errors, metrics and usage have them. */
export type LimitName = keyof AppLimits

const SMALLEST: Readonly<Partial<AppLimits>> = { memoryMb: 16, cpuMs: 10, wallMs: 1, concurrentRequests: 1, startupCpuMs: 20 }

/** Checks limits as a config or a deploy gives them. @throws `InvalidArgument` naming the limit. */
export function checkLimits(given: unknown, where: string): Partial<AppLimits> {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null)
    throw new UnmoorError('InvalidArgument', `${where} takes an object such as { "cpuMs": 50 }.`, { operation: 'config' })
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new UnmoorError('InvalidArgument', `${where}.${name}: there is no such limit. Limits: ${Object.keys(DEFAULT_LIMITS).join(', ')}.`, {
        operation: 'config',
      })
    }
    const min = SMALLEST[name as LimitName] ?? 0
    if (!(typeof value === 'number' && Number.isFinite(value) && value >= min))
      throw new UnmoorError('InvalidArgument', `${where}.${name} takes a number from ${min}, not ${JSON.stringify(value)}.`, { operation: 'config' })
  }
  return given
}
