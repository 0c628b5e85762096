import { UnmoorError } from '../../../core/errors.ts'
import { didYouMean } from '../../../core/option-table.ts'

/** Limits of one app. Each limit holds per process of the host, unless its comment says otherwise. */
export interface AppLimits {
  /** Memory of the app's isolate in MB; a guideline, see SECURITY.md. Default: 128. */
  memoryMb: number
  /**
   * CPU milliseconds of one entry into the isolate (a request that never waits is one entry). Beyond the
   * limit: 503, and the isolate is replaced. Default: 1000.
   */
  cpuMs: number
  /** Milliseconds in which the app's handler must have answered. Beyond the limit: 503. Default: 30,000. */
  wallMs: number
  /** Requests of the app that run at once. Beyond the limit: 503. Default: 200. */
  concurrentRequests: number
  /** Bytes of a request's body. Beyond the limit: 413. Default: 100 MiB. */
  requestBytes: number
  /**
   * Bytes of the body of an app's response. Beyond the limit: 500, or a cut connection if the response has
   * begun. Default: 100 MiB.
   */
  responseBytes: number
  /**
   * The app's own `fetch` calls per event; concurrent events share one count. Beyond the limit: the call
   * fails. Default: 1000.
   */
  subrequests: number
  /** The app's timers pending at once. Beyond the limit: the isolate is replaced. Default: 1000. */
  timers: number
  /** CPU milliseconds that loading the app into an isolate may take. Beyond the limit: 503. Default: 1000. */
  startupCpuMs: number
  /**
   * Calls to other apps of the host, and to the app itself, that are open at once. Beyond the limit: the call
   * fails. Default: 100.
   */
  serviceCalls: number
  /** `waitUntil` promises that are open at once. Beyond the limit: the isolate is replaced. Default: 1000. */
  waits: number
  /**
   * MB of the app's data in the data folder, over all processes of the host. Beyond the limit: writes fail,
   * deletions do not. Default: 1024.
   */
  diskMb: number
  /**
   * Milliseconds per second that the app may use the thread shared by all apps of a process: SQL statements,
   * other calls of embedded drivers, large results. Beyond the limit: the app's next calls wait, and the app
   * gets a process of its own, where this limit does not apply. Default: 300.
   */
  hostMs: number
  /** Bytes of the result of one SQL statement. Beyond the limit: the statement fails. Default: 64 MiB. */
  resultBytes: number
  /**
   * Bytes of log that the app writes per second. Beyond the limit: log text is cut, and the cut is counted.
   * Default: 256 KiB.
   */
  logBytes: number
  /**
   * Requests at once whose body has not fully arrived; half as many from one client address. They do not
   * count as `concurrentRequests`. Beyond the limit: 503. Default: 200.
   */
  concurrentUploads: number
  /**
   * WebSockets of the app open at once. Beyond the limit: 503 before the app sees the upgrade. Default: 1000.
   */
  openSockets: number
  /**
   * WebSocket messages per second that the app receives, and as many that it sends; a publish counts as one.
   * Beyond the limit: reading from its sockets pauses, and sends are `Throttled`. Default: 5000.
   */
  socketMessages: number
  /**
   * Bytes of WebSocket messages that handlers are processing or that wait to be written. Beyond the limit:
   * reading from the app's sockets pauses, and sockets of slow readers are closed with 1013. Default: 64 MiB.
   */
  socketBufferBytes: number
  /**
   * Bytes of one WebSocket message, if the binding allows more. Beyond the limit: the socket is closed with
   * 1009, or the app's own send fails with `LimitExceeded`. Default: 1 MiB.
   */
  socketMessageBytes: number
  /**
   * Milliseconds that the migrations of an app's version may take when it is deployed. Beyond the limit: the
   * deploy fails, and uncommitted changes are rolled back. Default: 240,000.
   */
  migrationMs: number
}

/** Limits of an app as a config or a deploy states them. */
export interface LimitSettings extends Omit<AppLimits, 'wallMs' | 'migrationMs'> {
  /**
   * Seconds in which the app's handler must have answered; fractions are allowed. Beyond the limit: 503.
   * Default: 30.
   */
  wallTimeout: number
  /** Seconds that the migrations of an app's version may take when it is deployed. Default: 240. */
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

/** Names of the limits of an app, as errors, metrics and usage report them. */
export type LimitName = keyof AppLimits

/** Smallest value that each limit of an app accepts. */
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
 * Checks limits of a config or a deploy.
 *
 * @throws `InvalidArgument` naming the limit, and the nearest valid name.
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
