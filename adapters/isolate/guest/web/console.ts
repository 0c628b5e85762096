import { post } from './bridge/bridge.ts'
import { formatLog, inspect } from './inspect.ts'

export type LogLevel = 'debug' | 'info' | 'log' | 'warn' | 'error'

const counts = new Map<string, number>()
const started = new Map<string, number>()
let indent = ''

function write(level: LogLevel, args: readonly unknown[]): void {
  post('log', level, indent + formatLog(args))
}

function elapsed(label: string): string | undefined {
  const start = started.get(label)
  return start === undefined ? undefined : `${label}: ${Date.now() - start} ms`
}

/** The global console. Each line goes to the engine's log with its level. */
export const console = Object.assign(Object.create({}) as object, {
  log: (...args: unknown[]) => write('log', args),
  info: (...args: unknown[]) => write('info', args),
  debug: (...args: unknown[]) => write('debug', args),
  warn: (...args: unknown[]) => write('warn', args),
  error: (...args: unknown[]) => write('error', args),
  trace: (...args: unknown[]) => write('debug', [new Error(formatLog(args)).stack]),
  dir: (value: unknown) => write('log', [inspect(value, 1)]),
  dirxml: (...args: unknown[]) => write('log', args),
  table: (value: unknown) => write('log', [inspect(value, 1)]),
  assert: (condition?: unknown, ...args: unknown[]) => {
    if (!condition)
      write(
        'error',
        typeof args[0] === 'string'
          ? [`Assertion failed: ${args[0]}`, ...args.slice(1)]
          : ['Assertion failed', ...args],
      )
  },
  clear: () => {},
  count: (label: unknown = 'default') => {
    const key = `${label as string}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    write('log', [`${key}: ${counts.get(key)}`])
  },
  countReset: (label: unknown = 'default') => void counts.delete(`${label as string}`),
  group: (...args: unknown[]) => {
    if (args.length > 0) write('log', args)
    indent += '  '
  },
  groupCollapsed: (...args: unknown[]) => console.group(...args),
  groupEnd: () => {
    indent = indent.slice(2)
  },
  time: (label: unknown = 'default') => void started.set(`${label as string}`, Date.now()),
  timeLog: (label: unknown = 'default', ...args: unknown[]) =>
    write('log', [elapsed(`${label as string}`), ...args]),
  timeEnd: (label: unknown = 'default') => {
    write('log', [elapsed(`${label as string}`)])
    started.delete(`${label as string}`)
  },
})
// The console is a namespace of the standard: its functions have length 0, and its prototype is an empty
// object.
for (const method of Object.values(console))
  Object.defineProperty(method, 'length', { value: 0, configurable: true })
Object.defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true })
