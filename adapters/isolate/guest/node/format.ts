/** `util.format` in an isolate. */
import { createContext, formatPrimitive, type InspectOptions } from './inspect-context.ts'
import { inspect } from './inspect.ts'

/**
 * `util.format`: formats values as text. A first argument of text may hold the placeholders `%s %d %i %f %j
 * %o %O %c`.
 */
export function format(...args: unknown[]): string {
  return formatWithOptions({}, ...args)
}

export function formatWithOptions(options: InspectOptions, ...args: unknown[]): string {
  const [first, ...rest] = args
  const shown = (value: unknown): string =>
    typeof value === 'string' ? value : inspect(value, { ...options })
  if (typeof first !== 'string' || args.length === 1) return args.map(shown).join(' ')
  let used = 0
  const text = first.replaceAll(/%[sdifjoOc%]/g, (mark) => {
    if (mark === '%%') return '%'
    if (used >= rest.length) return mark
    return placeholder(mark, rest[used++], options)
  })
  return [text, ...rest.slice(used).map(shown)].join(' ')
}

function placeholder(mark: string, value: unknown, options: InspectOptions): string {
  const number = (read: (text: string) => number): string =>
    typeof value === 'bigint'
      ? `${value}n`
      : typeof value === 'symbol'
        ? 'NaN'
        : formatPrimitive(createContext({}), read(value as string))
  switch (mark) {
    case '%s':
      return stringOf(value, options)
    case '%d':
      return typeof value === 'object' ? formatPrimitive(createContext({}), Number(value)) : number(Number)
    case '%i':
      return number(Number.parseInt)
    case '%f':
      return typeof value === 'symbol'
        ? 'NaN'
        : formatPrimitive(createContext({}), Number.parseFloat(value as string))
    case '%j':
      try {
        return JSON.stringify(value) ?? 'undefined'
      } catch {
        return '[Circular]'
      }
    case '%o':
      return inspect(value, { ...options, showHidden: true, depth: 4 })
    case '%O':
      return inspect(value, options)
  }
  return ''
}

function stringOf(value: unknown, options: InspectOptions): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return formatPrimitive(createContext({}), value)
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return String(value)
  // `util.format`: an object with a `toString` of its own is shown by that method.
  const { toString } = value as { toString: unknown }
  const isOwn =
    typeof toString === 'function' &&
    toString !== Object.prototype.toString &&
    toString !== Error.prototype.toString &&
    toString !== Array.prototype.toString &&
    toString !== Date.prototype.toString
  return typeof value === 'function' || isOwn
    ? // oxlint-disable-next-line typescript/no-base-to-string -- it has a text of its own
      String(value)
    : inspect(value, { ...options, depth: 0, colors: false, compact: 3 })
}
