/**
 * `node:process` in an isolate: what libraries ask of it before they do something else. There is no process:
 * it says `browser`, as bundlers' stand-ins do, its `env` has the app's variables and the secrets that are known
 * at the start, and what would end or change a process throws.
 */
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

/** `process.env`: what it has is asked of the host when somebody looks. What is set becomes text, as on Node. */
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

const members = {
  title: 'unmoor',
  browser: true,
  env: environment(),
  argv: [] as string[],
  execArgv: [] as string[],
  pid: 1,
  ppid: 0,
  platform: 'linux',
  arch: '',
  version: '',
  versions: {},
  release: {},
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
  exit: (): never => refuse('exit()'),
  abort: (): never => refuse('abort()'),
  kill: (): never => refuse('kill()'),
  chdir: (): never => refuse('chdir()'),
  binding: (): never => refuse('binding()'),
}

const process = Object.assign(new EventEmitter(), members)
// As on Node, for code that asks the global object.
Object.defineProperty(globalThis, 'process', { value: process, writable: true, configurable: true })
export const {
  arch,
  argv,
  browser,
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
export { hrtime, process }
export default process
export { process as 'module.exports' }
