/** `util.inspect` in an isolate, with Node's options and layout. */
import {
  type Context,
  createContext,
  formatPrimitive,
  type InspectOptions,
  quoted,
} from './inspect-context.ts'
import { layOut } from './inspect-layout.ts'
import { types } from './type-checks.ts'

const CUSTOM = Symbol.for('nodejs.util.inspect.custom')
const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/

/** Formats a value as text, as Node's `util.inspect` does. */
export function inspect(value: unknown, options?: InspectOptions | boolean, ...old: unknown[]): string {
  // Node's old signature of `util.inspect`: `inspect(value, showHidden, depth, colors)`.
  const given =
    typeof options === 'object' && options !== null
      ? options
      : {
          showHidden: options === true,
          ...(old.length > 0 ? { depth: old[0] as number } : {}),
          colors: old[1] === true,
        }
  const context = createContext(given)
  return formatValue(context, value)
}
inspect.custom = CUSTOM
inspect.defaultOptions = {
  depth: 2,
  colors: false,
  compact: 3,
  breakLength: 80,
  showHidden: false,
  sorted: false,
  getters: false,
  customInspect: true,
  maxArrayLength: 100,
  maxStringLength: 10_000,
  numericSeparator: false,
  showProxy: false,
}
inspect.colors = {} as Record<string, readonly number[]>
inspect.styles = {} as Record<string, string>

function formatValue(context: Context, value: unknown, isTyped = false): string {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function')
    return formatPrimitive(context, value)
  const custom = context.customInspect ? (value as { [CUSTOM]?: unknown })[CUSTOM] : undefined
  if (typeof custom === 'function' && custom !== inspect) {
    const depth = context.depth - context.level
    const shown: unknown = Reflect.apply(custom, value, [depth, { ...context, depth }, inspect])
    if (shown !== value)
      return typeof shown === 'string'
        ? shown.replaceAll('\n', `\n${' '.repeat(context.indentation)}`)
        : formatValue(context, shown)
  }
  if (context.path.includes(value)) {
    if (!context.circular.has(value)) context.circular.set(value, context.circular.size + 1)
    return context.stylize(`[Circular *${context.circular.get(value)}]`, 'special')
  }
  return formatObject(context, value, isTyped)
}

function constructorName(value: object): string | null {
  for (
    let object: object | null = value;
    object !== null;
    object = Object.getPrototypeOf(object) as object | null
  ) {
    const own: unknown = Object.getOwnPropertyDescriptor(object, 'constructor')?.value
    if (typeof own === 'function' && own.name !== '' && (value instanceof own || object === value))
      return own.name
  }
  return null
}

function prefix(value: object, fallback: string, size = ''): string {
  const name = constructorName(value)
  const tag = tagOf(value, name)
  if (name === null) return `[${fallback}${size}: null prototype] ${tag}`
  return `${name}${size} ${tag}`
}

function tagOf(value: object, name: string | null): string {
  const tag: unknown = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  return typeof tag === 'string' && tag !== '' && tag !== name ? `[${tag}] ` : ''
}

/**
 * How `util.inspect` shows an object: the text before its entries, the braces around them, and its entries
 * that are not properties.
 */
interface Parts {
  base: string
  open: string
  braces: readonly [string, string]
  entries: () => string[]
  keys: PropertyKey[]
  isList: boolean
}

function formatObject(context: Context, value: object, isTyped: boolean): string {
  const keys: PropertyKey[] = context.showHidden ? Object.getOwnPropertyNames(value) : Object.keys(value)
  for (const symbol of Object.getOwnPropertySymbols(value))
    if (context.showHidden || Object.prototype.propertyIsEnumerable.call(value, symbol)) keys.push(symbol)
  const parts = partsOf(context, value, keys)
  const { base, open, braces } = parts
  if (parts.keys.length === 0 && base !== '' && !context.circular.has(value)) return base
  if (context.level > context.depth) {
    // Beyond the depth limit Node's `util.inspect` shows only the class: `[Map]`, not `[Map(1)]`.
    const name = (open.trim().replace(/\(\d+\)/, '') || constructorName(value)) ?? 'Object: null prototype'
    return context.stylize(`[${Array.isArray(value) ? 'Array' : name}]`, 'special')
  }
  context.path.push(value)
  context.level++
  const output = parts.entries()
  for (const key of parts.keys) output.push(formatProperty(context, value, key, parts.isList))
  context.level--
  context.path.pop()
  if (context.sorted !== false && !parts.isList)
    output.sort(typeof context.sorted === 'function' ? context.sorted : undefined)
  const reference = context.circular.get(value)
  const marked = reference === undefined ? '' : `${context.stylize(`<ref *${reference}>`, 'special')} `
  if (output.length === 0 && base === '') return `${marked}${open}${braces[0]}${braces[1]}`
  const start = `${marked}${base === '' ? open : base + ' '}`
  return layOut(context, output, { start, braces, isList: parts.isList, value: isTyped ? undefined : value })
}

function partsOf(context: Context, value: object, keys: PropertyKey[]): Parts {
  const named = (base: string): Parts => ({
    base,
    open: '',
    braces: ['{', '}'],
    entries: () => [],
    keys,
    isList: false,
  })
  const rest = keys.filter((key) => typeof key === 'symbol' || !/^(0|[1-9]\d*)$/.test(String(key)))
  if (Array.isArray(value)) {
    const name = constructorName(value)
    const open =
      name === 'Array' && tagOf(value, name) === '' ? '' : prefix(value, 'Array', `(${value.length})`)
    return {
      base: '',
      open,
      braces: ['[', ']'],
      entries: () => formatItems(context, value),
      keys: rest,
      isList: true,
    }
  }
  if (types.isTypedArray(value)) {
    const array = value as Uint8Array
    const open = prefix(array, 'TypedArray', `(${array.length})`)
    return {
      base: '',
      open,
      braces: ['[', ']'],
      entries: () => formatTyped(context, array),
      keys: rest,
      isList: true,
    }
  }
  if (types.isSet(value)) {
    const set = value as Set<unknown>
    return {
      base: '',
      open: prefix(set, 'Set', `(${set.size})`),
      braces: ['{', '}'],
      entries: () => indented(context, 2, () => limited(context, set, (item) => formatValue(context, item))),
      keys,
      isList: false,
    }
  }
  if (types.isMap(value)) {
    const map = value as Map<unknown, unknown>
    const entry = ([key, item]: [unknown, unknown]): string =>
      `${formatValue(context, key)} => ${formatValue(context, item)}`
    return {
      base: '',
      open: prefix(map, 'Map', `(${map.size})`),
      braces: ['{', '}'],
      entries: () => indented(context, 2, () => limited(context, map, entry)),
      keys,
      isList: false,
    }
  }
  if (typeof value === 'function') return named(functionBase(context, value))
  if (types.isRegExp(value)) return named(context.stylize(RegExp.prototype.toString.call(value), 'regexp'))
  if (types.isDate(value)) {
    const date = value as Date
    return named(context.stylize(Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString(), 'date'))
  }
  if (value instanceof Error) return errorParts(context, value, keys)
  if (types.isBoxedPrimitive(value)) return boxedParts(context, value, keys, rest)
  const open = prefix(value, 'Object')
  const special = specialEntry(context, value)
  const isPlain = open === 'Object '
  return {
    base: '',
    open: isPlain ? '' : open,
    braces: ['{', '}'],
    entries: () => special,
    keys,
    isList: false,
  }
}

function specialEntry(context: Context, value: object): string[] {
  if (types.isAnyArrayBuffer(value)) {
    const bytes = new Uint8Array(value as ArrayBuffer)
    const shown = Array.from(bytes.subarray(0, 50), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const more = bytes.length > 50 ? ` ... ${bytes.length - 50} more byte${bytes.length > 51 ? 's' : ''}` : ''
    return [
      `${context.stylize('[Uint8Contents]', 'special')}: <${shown}${more}>`,
      `${context.stylize('[byteLength]', 'special')}: ${context.stylize(`${bytes.length}`, 'number')}`,
    ]
  }
  if (types.isWeakMap(value) || types.isWeakSet(value)) return [context.stylize('<items unknown>', 'special')]
  return []
}

function functionBase(context: Context, value: object): string {
  const given = (value as { name: unknown }).name
  const name = typeof given === 'string' ? given : ''
  const source = Function.prototype.toString.call(value)
  if (source.startsWith('class') && source.endsWith('}')) {
    const parent = (Object.getPrototypeOf(value) as { name?: string } | null)?.name
    return context.stylize(`[class ${name || '(anonymous)'}${parent ? ` extends ${parent}` : ''}]`, 'special')
  }
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  const base = typeof name === 'string' && name !== '' ? `[${kind}: ${name}]` : `[${kind} (anonymous)]`
  return context.stylize(base, 'special')
}

function errorParts(context: Context, error: Error, keys: PropertyKey[]): Parts {
  const own = keys.filter((key) => key !== 'stack' && key !== 'message' && key !== 'name')
  if ('cause' in error && !own.includes('cause')) own.push('cause')
  if (Array.isArray((error as AggregateError).errors) && !own.includes('errors')) own.push('errors')
  const stack =
    typeof error.stack === 'string' && error.stack !== ''
      ? error.stack
      : `[${Error.prototype.toString.call(error)}]`
  const base = stack.includes('\n    at') || stack.startsWith('[') ? stack : `[${stack}]`
  const text =
    context.indentation === 0 ? base : base.replaceAll('\n', `\n${' '.repeat(context.indentation)}`)
  return { base: text, open: '', braces: ['{', '}'], entries: () => [], keys: own, isList: false }
}

function boxedParts(context: Context, value: object, keys: PropertyKey[], rest: PropertyKey[]): Parts {
  const primitive = (value as { valueOf(): unknown }).valueOf()
  const type = Object.prototype.toString.call(primitive).slice(8, -1)
  const name = constructorName(value)
  const base = `[${type}${name === type ? '' : ` (${name ?? 'null prototype'})`}: ${formatPrimitive({ ...context, stylize: (text) => text }, primitive)}]`
  return {
    base: context.stylize(base, typeof primitive),
    open: '',
    braces: ['{', '}'],
    entries: () => [],
    keys: type === 'String' ? rest.filter((key) => key !== 'length') : keys,
    isList: false,
  }
}

function limited<T>(context: Context, items: Iterable<T>, show: (item: T) => string): string[] {
  const output: string[] = []
  let left = 0
  for (const item of items)
    if (output.length < context.maxArrayLength) output.push(show(item))
    else left++
  if (left > 0) output.push(`... ${left} more item${left > 1 ? 's' : ''}`)
  return output
}

function formatTyped(context: Context, array: Uint8Array): string[] {
  return limited(context, array, (item: number | bigint) => formatPrimitive(context, item))
}

// `util.inspect` counts a run of holes in a sparse array as one item.
function formatItems(context: Context, array: readonly unknown[]): string[] {
  const output: string[] = []
  let at = 0
  while (at < array.length && output.length < context.maxArrayLength) {
    if (Object.hasOwn(array, at)) {
      const index = at
      output.push(indented(context, 2, () => formatProperty(context, array, index, true)))
      at++
      continue
    }
    let end = at
    while (end < array.length && !Object.hasOwn(array, end)) end++
    output.push(context.stylize(`<${end - at} empty item${end - at > 1 ? 's' : ''}>`, 'undefined'))
    at = end
  }
  const left = array.length - at
  if (left > 0) output.push(`... ${left} more item${left > 1 ? 's' : ''}`)
  return output
}

function indented<T>(context: Context, by: number, work: () => T): T {
  context.indentation += by
  try {
    return work()
  } finally {
    context.indentation -= by
  }
}

function formatProperty(context: Context, value: object, key: PropertyKey, isList: boolean): string {
  const descriptor = Object.getOwnPropertyDescriptor(value, key) ?? {
    value: (value as Record<PropertyKey, unknown>)[key],
    enumerable: false,
  }
  const text = indented(context, isList && typeof key === 'number' ? 0 : 2, () =>
    propertyText(context, value, descriptor),
  )
  if (isList && typeof key === 'number') return text
  return `${propertyName(context, key, descriptor.enumerable === true)}: ${text}`
}

function propertyText(context: Context, value: object, descriptor: PropertyDescriptor): string {
  if (descriptor.get === undefined)
    return descriptor.set === undefined
      ? formatValue(context, descriptor.value)
      : context.stylize('[Setter]', 'special')
  const label = descriptor.set === undefined ? 'Getter' : 'Getter/Setter'
  if (context.getters !== true) return context.stylize(`[${label}]`, 'special')
  const got: unknown = Reflect.apply(descriptor.get, value, [])
  const shown = formatValue(context, got)
  return typeof got === 'object' && got !== null
    ? `${context.stylize(`[${label}]`, 'special')} ${shown}`
    : `${context.stylize(`[${label}:`, 'special')} ${shown}${context.stylize(']', 'special')}`
}

function propertyName(context: Context, key: PropertyKey, isEnumerable: boolean): string {
  if (typeof key === 'symbol')
    return isEnumerable ? context.stylize(String(key), 'symbol') : `[${String(key)}]`
  const name = String(key)
  if (!isEnumerable) return `[${name}]`
  return IDENTIFIER.test(name) ? name : context.stylize(quoted(name), 'string')
}
