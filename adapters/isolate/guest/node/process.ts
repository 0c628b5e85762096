/**
 * `node:process` in an isolate: the members that libraries read before they do something else. An isolate has
 * no process: `env` has the app's variables and the secrets known at the start, and functions that would end
 * or change a process throw.
 */
import { putGlobal } from './global-names.ts'
import { refused } from './refused.ts'
import { link } from '../link.ts'
import { getBuiltinModule } from './builtin-modules.ts'
import { EventEmitter } from './events.ts'

function refuse(what: string): never {
  throw Object.assign(
    new Error(`process.${what} is not there: an app in an isolate has no process of its own.`),
    { code: 'ERR_FEATURE_UNAVAILABLE' },
  )
}

type Hrtime = [seconds: number, nanoseconds: number]

function hrtime(before?: Hrtime): Hrtime {
  const now = performance.now()
  const seconds = Math.floor(now / 1000)
  const nanoseconds = Math.floor((now % 1000) * 1e6)
  if (before === undefined) return [seconds, nanoseconds]
  const [s, n] = [seconds - before[0], nanoseconds - before[1]]
  return n < 0 ? [s - 1, n + 1e9] : [s, n]
}
hrtime.bigint = (): bigint => BigInt(Math.floor(performance.now() * 1e6))

const writer = (write: (text: string) => void): object => ({
  isTTY: false,
  write(text: unknown) {
    write(`${text as string}`.replace(/\n$/, ''))
    return true
  },
})

/** `process.env`, read from the engine on first access. Values that are set become strings, as on Node. */
function environment(): Record<string, string | undefined> {
  const values: Record<string, string | undefined> = {}
  let isRead = false
  const read = (): typeof values => {
    if (isRead) return values
    isRead = true
    return Object.assign(values, link.callSync('environment'))
  }
  return new Proxy(values, {
    get: (_target, name) => Reflect.get(read(), name) as unknown,
    set: (_target, name, value) => Reflect.set(read(), name, `${value as string}`),
    has: (_target, name) => Reflect.has(read(), name),
    deleteProperty: (_target, name) => Reflect.deleteProperty(read(), name),
    ownKeys: () => Reflect.ownKeys(read()),
    getOwnPropertyDescriptor: (_target, name) => Reflect.getOwnPropertyDescriptor(read(), name),
    defineProperty: (_target, name, descriptor) =>
      Reflect.defineProperty(
        read(),
        name,
        'value' in descriptor ? { ...descriptor, value: `${descriptor.value as string}` } : descriptor,
      ),
  })
}

/**
 * The version of Node that `process` tells, which is that of workerd: libraries choose by it, and choose here
 * what they choose on Cloudflare.
 */
const NODE_VERSION = '22.23.4'

const members = {
  title: 'unmoor',
  env: environment(),
  argv: [] as string[],
  execArgv: [] as string[],
  pid: 1,
  ppid: 0,
  platform: 'linux',
  arch: 'x64',
  version: `v${NODE_VERSION}`,
  versions: { node: NODE_VERSION },
  release: { name: 'node', lts: true, sourceUrl: '', headersUrl: '' },
  features: {},
  config: {},
  execPath: '',
  argv0: '',
  exitCode: undefined,
  stdout: writer((text) => console.log(text)),
  stderr: writer((text) => console.error(text)),
  nextTick(callback: (...args: unknown[]) => void, ...args: unknown[]): void {
    if (typeof callback !== 'function')
      throw new TypeError('The "callback" argument must be of type function.')
    queueMicrotask(() => callback(...args))
  },
  hrtime,
  uptime: (): number => performance.now() / 1000,
  cwd: (): string => '/',
  umask: (): number => 0o22,
  emitWarning: (warning: unknown): void => console.warn(warning),
  getBuiltinModule,
  memoryUsage: (): never => refuse('memoryUsage()'),
  cpuUsage: (): never => refuse('cpuUsage()'),
  resourceUsage: (): never => refuse('resourceUsage()'),
  exit: (): never => refuse('exit()'),
  abort: (): never => refuse('abort()'),
  kill: (): never => refuse('kill()'),
  chdir: (): never => refuse('chdir()'),
  binding: (): never => refuse('binding()'),
}

const process = Object.assign(new EventEmitter(), members)
// In an isolate uncaught errors and unhandled rejections are events of the global object.
let hearsRejections = false
let hearsErrors = false
process.on('newListener', (name: string) => {
  if (name === 'unhandledRejection' && !hearsRejections) {
    hearsRejections = true
    globalThis.addEventListener('unhandledrejection', (event) => {
      if (process.emit('unhandledRejection', event.reason, event.promise)) event.preventDefault()
    })
  }
  if (name === 'uncaughtException' && !hearsErrors) {
    hearsErrors = true
    globalThis.addEventListener('error', (event) => {
      if (process.emit('uncaughtException', event.error, 'uncaughtException')) event.preventDefault()
    })
  }
})
// `process` is also a property of the global object, as on Node, for code that looks it up there.
putGlobal('process', process)
export const {
  arch,
  binding,
  resourceUsage,
  memoryUsage,
  kill,
  cpuUsage,
  chdir,
  abort,
  argv,
  cwd,
  emitWarning,
  env,
  execArgv,
  exit,
  nextTick,
  pid,
  platform,
  ppid,
  release,
  stderr,
  stdout,
  title,
  umask,
  uptime,
  version,
  versions,
} = members
export { getBuiltinModule, hrtime, process }
const lacks = (name: string): ((...args: never[]) => never) => refused('process', name)
export const availableMemory = /* @__PURE__ */ lacks('availableMemory')
export const constrainedMemory = /* @__PURE__ */ lacks('constrainedMemory')
export const getegid = /* @__PURE__ */ lacks('getegid')
export const geteuid = /* @__PURE__ */ lacks('geteuid')
export const getgid = /* @__PURE__ */ lacks('getgid')
export const getgroups = /* @__PURE__ */ lacks('getgroups')
export const getuid = /* @__PURE__ */ lacks('getuid')
export const loadEnvFile = /* @__PURE__ */ lacks('loadEnvFile')
export const ref = /* @__PURE__ */ lacks('ref')
export const setUncaughtExceptionCaptureCallback = /* @__PURE__ */ lacks(
  'setUncaughtExceptionCaptureCallback',
)
export const hasUncaughtExceptionCaptureCallback = /* @__PURE__ */ lacks(
  'hasUncaughtExceptionCaptureCallback',
)
export const unref = /* @__PURE__ */ lacks('unref')
export const addUncaughtExceptionCaptureCallback = /* @__PURE__ */ lacks(
  'addUncaughtExceptionCaptureCallback',
)
export const dlopen = /* @__PURE__ */ lacks('dlopen')
export const execve = /* @__PURE__ */ lacks('execve')
export const getActiveResourcesInfo = /* @__PURE__ */ lacks('getActiveResourcesInfo')
export const initgroups = /* @__PURE__ */ lacks('initgroups')
export const openStdin = /* @__PURE__ */ lacks('openStdin')
export const reallyExit = /* @__PURE__ */ lacks('reallyExit')
export const setegid = /* @__PURE__ */ lacks('setegid')
export const seteuid = /* @__PURE__ */ lacks('seteuid')
export const setgid = /* @__PURE__ */ lacks('setgid')
export const setgroups = /* @__PURE__ */ lacks('setgroups')
export const setSourceMapsEnabled = /* @__PURE__ */ lacks('setSourceMapsEnabled')
export const setuid = /* @__PURE__ */ lacks('setuid')
export const threadCpuUsage = /* @__PURE__ */ lacks('threadCpuUsage')
export default process
export { process as 'module.exports' }
