/** State that `util.inspect` carries while it formats a value, and the formatting of primitives. */

/** Options of `util.inspect`, with Node's names and defaults. */
export interface InspectOptions {
  depth?: number | null
  colors?: boolean
  compact?: boolean | number
  breakLength?: number
  showHidden?: boolean
  sorted?: boolean | ((a: string, b: string) => number)
  getters?: boolean | 'get' | 'set'
  customInspect?: boolean
  maxArrayLength?: number | null
  maxStringLength?: number | null
  numericSeparator?: boolean
  showProxy?: boolean
}
export interface Context extends Required<
  Omit<InspectOptions, 'depth' | 'maxArrayLength' | 'maxStringLength'>
> {
  depth: number
  maxArrayLength: number
  maxStringLength: number
  stylize: (text: string, style: string) => string
  path: object[]
  circular: Map<object, number>
  level: number
  indentation: number
}

const COLORS: Readonly<Record<string, readonly [number, number]>> = {
  number: [33, 39],
  bigint: [33, 39],
  boolean: [33, 39],
  string: [32, 39],
  symbol: [32, 39],
  undefined: [90, 39],
  null: [1, 22],
  special: [36, 39],
  date: [35, 39],
  regexp: [31, 39],
}

export function createContext(options: InspectOptions): Context {
  const stylize = (text: string, style: string): string => {
    const color = COLORS[style]
    return color === undefined ? text : `\u001b[${color[0]}m${text}\u001b[${color[1]}m`
  }
  const limit = (value: number | null | undefined, usual: number): number =>
    value === undefined ? usual : value === null ? Infinity : Math.max(value, 0)
  return {
    colors: false,
    compact: 3,
    breakLength: options.compact === undefined || options.compact === 3 ? 80 : Infinity,
    showHidden: false,
    sorted: false,
    getters: false,
    customInspect: true,
    numericSeparator: false,
    showProxy: false,
    ...options,
    depth: options.depth === null ? Infinity : (options.depth ?? 2),
    maxArrayLength: limit(options.maxArrayLength, 100),
    maxStringLength: limit(options.maxStringLength, 10_000),
    stylize: options.colors === true ? stylize : (text) => text,
    path: [],
    circular: new Map(),
    level: 0,
    indentation: 0,
  }
}

export function quoted(text: string): string {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !/[`$]/.test(text) ? '`' : "'"
  // oxlint-disable-next-line no-control-regex -- those are what is escaped
  const escaped = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\\]|[\ud800-\udfff]/gu, (char) => {
    const known: string | undefined = {
      '\b': '\\b',
      '\t': '\\t',
      '\n': '\\n',
      '\f': '\\f',
      '\r': '\\r',
      '\\': '\\\\',
    }[char]
    if (known !== undefined) return known
    const code = char.charCodeAt(0)
    return code > 0xff
      ? `\\u${code.toString(16).toUpperCase()}`
      : `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`
  })
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark
}

export function formatPrimitive(context: Context, value: unknown): string {
  const { stylize } = context
  if (typeof value === 'string') return formatString(context, value)
  if (typeof value === 'number') return stylize(Object.is(value, -0) ? '-0' : `${value}`, 'number')
  if (typeof value === 'bigint') return stylize(`${value}n`, 'bigint')
  if (typeof value === 'boolean') return stylize(`${value}`, 'boolean')
  if (typeof value === 'symbol') return stylize(String(value), 'symbol')
  return value === null ? stylize('null', 'null') : stylize('undefined', 'undefined')
}

function formatString(context: Context, value: string): string {
  const left = value.length - context.maxStringLength
  const shown = left > 0 ? value.slice(0, context.maxStringLength) : value
  const rest = left > 0 ? `... ${left} more character${left > 1 ? 's' : ''}` : ''
  // `util.inspect` shows a long string of several lines as one quoted string per line.
  if (
    context.compact !== true &&
    shown.length > 16 &&
    shown.length > context.breakLength - context.indentation - 4
  )
    return (
      shown
        .split(/(?<=\n)/)
        .map((line) => context.stylize(quoted(line), 'string'))
        .join(` +\n${' '.repeat(context.indentation + 2)}`) + rest
    )
  return context.stylize(quoted(shown), 'string') + rest
}
