import { UnmoorError } from '../../../core/errors.ts'
import { didYouMean } from '../../../core/option-table.ts'

/** What one app may use. Each is per process of the host, except where it says otherwise. */
export interface AppLimits {
  /** Memory of the isolate in MB; a guideline, see SECURITY.md. Default: 128. */
  memoryMb: number
  /**
   * CPU milliseconds of one entry into the isolate (a request without waits is one). Beyond it: 503, and the
   * isolate is replaced. Default: 1000.
   */
  cpuMs: number
  /** Milliseconds until the handler must have answered. Beyond it: 503. Default: 30,000. */
  wallMs: number
  /** Requests at once. Beyond it: 503. Default: 200. */
  concurrentRequests: number
  /** Bytes of a request's body. Beyond it: 413. Default: 100 MiB. */
  requestBytes: number
  /**
   * Bytes of an answer's body. Beyond it: 500, or a cut connection where the answer has begun. Default: 100
   * MiB.
   */
  responseBytes: number
  /**
   * The app's own `fetch` calls per event, counted together for events that are under way together. Beyond
   * it: the call fails. Default: 1000.
   */
  subrequests: number
  /** Timers at once. Beyond it: the isolate is replaced. Default: 1000. */
  timers: number
  /** CPU milliseconds that loading the app may take. Beyond it: 503. Default: 1000. */
  startupCpuMs: number
  /**
   * Calls to other apps of the host, and to itself, that are open at once. Beyond it: the call fails.
   * Default: 100.
   */
  serviceCalls: number
  /** `waitUntil` promises that are open at once. Beyond it: the isolate is replaced. Default: 1000. */
  waits: number
  /**
   * MB of the app's data in the data folder, over all processes of the host. Beyond it: writes fail,
   * deletions do not. Default: 1024.
   */
  diskMb: number
  /**
   * Milliseconds of the thread that all apps of a process share, per second: statements of SQL, other calls
   * of embedded drivers, large results. Beyond it: the app's next calls wait, and it gets a process of its
   * own, where the limit does not hold. Default: 300.
   */
  hostMs: number
  /** Bytes of the result of a statement of SQL. Beyond it: the statement fails. Default: 64 MiB. */
  resultBytes: number
  /** Bytes of log in a second. Beyond it: cut, and counted. Default: 256 KiB. */
  logBytes: number
  /**
   * Requests at once whose body has not come whole; half as many of one address. They are none of
   * `concurrentRequests`. Beyond it: 503. Default: 200.
   */
  concurrentUploads: number
  /** WebSockets open at once. Beyond it: 503 before the app sees the upgrade. Default: 1000. */
  openSockets: number
  /**
   * Messages a second that come over the app's sockets; as many that it sends, a publish being one. Beyond
   * it: sockets are not read for a while, and sends are `Throttled`. Default: 5000.
   */
  socketMessages: number
  /**
   * Bytes of messages that handlers are at work with or that wait to be written. Beyond it: sockets are not
   * read for a while, and those of slow readers are closed with 1013. Default: 64 MiB.
   */
  socketBufferBytes: number
  /**
   * Bytes of one message of a socket, where the binding allows more. Beyond it: 1009, or `LimitExceeded` for
   * the app's own. Default: 1 MiB.
   */
  socketMessageBytes: number
  /**
   * Milliseconds that the migrations of a version may take when it is deployed. Beyond it the deploy fails,
   * and what was not committed is undone. Default: 240,000.
   */
  migrationMs: number
}

/** Limits as a config or a deploy says them. */
export interface LimitSettings extends Omit<AppLimits, 'wallMs' | 'migrationMs'> {
  /** Seconds until the handler must have answered; fractions are fine. Beyond it: 503. Default: 30. */
  wallTimeout: number
  /** Seconds that the migrations of a version may take when it is deployed. Default: 240. */
  migrationTimeout: number
  /** @deprecated Since 0.2: `wallTimeout`, in seconds. */
  wallMs: number
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
  migrationMs: 240_000,
  serviceCalls: 100,
  waits: 1000,
  diskMb: 1024,
  logBytes: 256 * 1024,
  hostMs: 300,
  resultBytes: 64 * 1024 * 1024,
  concurrentUploads: 200,
  openSockets: 1000,
  socketMessages: 5000,
  socketBufferBytes: 64 * 1024 * 1024,
  socketMessageBytes: 1024 * 1024,
}

/** The limits' names, as errors, metrics and usage have them. */
export type LimitName = keyof AppLimits

/** The least that each limit may be. */
const SMALLEST: Readonly<Record<keyof LimitSettings, number>> = {
  memoryMb: 16,
  cpuMs: 10,
  wallTimeout: 0.001,
  wallMs: 1,
  concurrentRequests: 1,
  requestBytes: 0,
  responseBytes: 0,
  subrequests: 0,
  timers: 0,
  startupCpuMs: 20,
  migrationTimeout: 0.001,
  serviceCalls: 0,
  waits: 1,
  diskMb: 1,
  logBytes: 0,
  hostMs: 10,
  resultBytes: 1024,
  concurrentUploads: 1,
  openSockets: 0,
  socketMessages: 1,
  socketBufferBytes: 1024,
  socketMessageBytes: 1,
}

/**
 * Checks limits as a config or a deploy says them. @throws `InvalidArgument` naming the limit, and the
 * nearest right name.
 */
export function checkLimits(given: unknown, where: string): Partial<AppLimits> {
  if (given === undefined) return {}
  const refuse = (message: string): never => {
    throw new UnmoorError('InvalidArgument', message, { operation: 'config' })
  }
  if (typeof given !== 'object' || given === null)
    return refuse(`${where} takes an object such as { "cpuMs": 50 }.`)
  for (const [name, value] of Object.entries(given)) {
    const names = Object.keys(SMALLEST).filter((limit) => limit !== 'wallMs')
    if (!Object.hasOwn(SMALLEST, name))
      refuse(
        `${where}.${name}: there is no such limit.${didYouMean(name, names)} Limits: ${names.join(', ')}.`,
      )
    const min = SMALLEST[name as keyof LimitSettings]
    if (!(typeof value === 'number' && Number.isFinite(value) && value >= min))
      refuse(`${where}.${name} takes a number from ${min}, not ${JSON.stringify(value)}.`)
  }
  const { wallTimeout, migrationTimeout, ...limits }: Partial<LimitSettings> = given
  const inMs = (name: string, seconds: number): number =>
    seconds <= 86_400
      ? seconds * 1000
      : refuse(
          `${where}.${name} is ${seconds}: it is in seconds, at most 86400; did you mean ${seconds / 1000}?`,
        )
  return {
    ...limits,
    ...(wallTimeout === undefined ? {} : { wallMs: inMs('wallTimeout', wallTimeout) }),
    ...(migrationTimeout === undefined ? {} : { migrationMs: inMs('migrationTimeout', migrationTimeout) }),
  }
}
