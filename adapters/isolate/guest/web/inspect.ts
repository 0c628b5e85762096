/** Formats values as text for the log, as consoles show them. Depth, length and time are bounded. */
const MAX_DEPTH = 4
const MAX_ITEMS = 100
const MAX_TEXT = 16_384

/** Formats a value as text. Never throws, whatever the value's getters and proxies do. */
export function inspect(value: unknown, depth = 0, seen: readonly object[] = []): string {
  try {
    return show(value, depth, seen)
  } catch {
    return '[unprintable]'
  }
}

function show(value: unknown, depth: number, seen: readonly object[]): string {
  if (typeof value === 'string') return depth === 0 ? value : JSON.stringify(value.slice(0, MAX_TEXT))
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'symbol') return String(value)
  if (typeof value === 'function') return `[Function: ${value.name || '(anonymous)'}]`
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : `${value as string}`
  if (seen.includes(value)) return '[Circular]'
  const path = [...seen, value]
  if (value instanceof Error) return showError(value, depth, path)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof RegExp) return String(value)
  const name = className(value)
  if (depth >= MAX_DEPTH) return Array.isArray(value) ? '[Array]' : `[${name || 'Object'}]`
  if (Array.isArray(value)) return list('[', ']', value, (item) => inspect(item, depth + 1, path))
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return `${name}(${(value as Uint8Array).length}) ${list('[', ']', value as Uint8Array, String)}`
  if (value instanceof Map) {
    const entry = ([key, item]: [unknown, unknown]): string =>
      `${inspect(key, depth + 1, path)} => ${inspect(item, depth + 1, path)}`
    return `Map(${value.size}) ${list('{', '}', value, entry)}`
  }
  if (value instanceof Set)
    return `Set(${value.size}) ${list('{', '}', value, (item) => inspect(item, depth + 1, path))}`
  if (value instanceof Promise) return 'Promise {}'
  const text = list('{', '}', Object.keys(value), (key) => {
    const descriptor = Object.getOwnPropertyDescriptor(value, key)
    const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)
    const shown = descriptor?.get === undefined ? inspect(descriptor?.value, depth + 1, path) : '[Getter]'
    return `${name}: ${shown}`
  })
  return name === '' || name === 'Object' ? text : `${name} ${text}`
}

function className(value: object): string {
  const constructor = (value as { constructor?: unknown }).constructor
  return typeof constructor === 'function' ? constructor.name : ''
}

function showError(error: Error, depth: number, path: readonly object[]): string {
  let text =
    typeof error.stack === 'string' && error.stack !== '' ? error.stack : `${error.name}: ${error.message}`
  const own = Object.keys(error).filter((key) => key !== 'stack' && key !== 'message')
  if (own.length > 0 && depth < MAX_DEPTH) {
    const properties = error as Error & Record<string, unknown>
    text += ` ${list('{', '}', own, (key) => `${key}: ${inspect(properties[key], depth + 1, path)}`)}`
  }
  if (error.cause !== undefined && depth < MAX_DEPTH)
    text += `\n[cause]: ${inspect(error.cause, depth + 1, path)}`
  return text.slice(0, MAX_TEXT)
}

function list<T>(open: string, close: string, items: Iterable<T>, format: (item: T) => string): string {
  const parts: string[] = []
  for (const item of items) {
    if (parts.length === MAX_ITEMS) {
      parts.push('...')
      break
    }
    parts.push(format(item))
  }
  return parts.length === 0 ? open + close : `${open} ${parts.join(', ')} ${close}`
}

/**
 * Formats a console call's arguments as one line of text, with the placeholders `%s %d %i %f %j %o %O %c`.
 */
export function formatLog(args: readonly unknown[]): string {
  let used = 1
  let text = ''
  if (typeof args[0] === 'string') {
    text = args[0].replace(/%[sdifjoOc%]/g, (mark) => {
      if (mark === '%%') return '%'
      if (used >= args.length) return mark
      const value = args[used++]
      if (mark === '%s') return typeof value === 'string' ? value : inspect(value, 1)
      if (mark === '%c') return ''
      if (mark === '%d' || mark === '%f') return inspect(Number(value))
      if (mark === '%i') return inspect(Math.trunc(Number(value)))
      return inspect(value, 1)
    })
  } else used = 0
  const rest = args.slice(used).map((value) => inspect(value))
  return (used === 0 ? rest : [text, ...rest]).join(' ').slice(0, MAX_TEXT * 4)
}
