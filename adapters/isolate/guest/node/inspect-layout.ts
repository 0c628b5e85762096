/** How `util.inspect` lays out the entries of an object: on one line, in columns, or on a line each. */
import type { Context } from './inspect-context.ts'

// oxlint-disable-next-line no-control-regex -- colours
const bare = (text: string): number => text.replaceAll(/\u001b\[\d+m/g, '').length

export interface Layout {
  start: string
  braces: readonly [string, string]
  isList: boolean
  /** The object that `util.inspect` shows; undefined if its items are already in columns. */
  value: object | undefined
}

/**
 * `util.inspect`: puts the printed entries of an object on one line if they are short, else on a line each.
 */
export function layOut(context: Context, output: string[], { start, braces, isList, value }: Layout): string {
  const [open, close] = braces
  if (context.compact === true) return `${start}${open} ${output.join(', ')} ${close}`
  const indentation = `\n${' '.repeat(context.indentation)}`
  let lines = output
  if (context.compact !== false) {
    const entries = output.length
    if (isList && entries > 6 && value !== undefined) lines = columns(context, output, value)
    const isShallow = deepest(context, value) <= Number(context.compact)
    if (isShallow && entries === lines.length) {
      const total =
        lines.reduce((sum, line) => sum + bare(line), 0) + lines.length + open.length + bare(start) + 10
      const whole = `${start}${open} ${lines.join(', ')} ${close}`
      if (
        total + lines.length <= context.breakLength &&
        !lines.some((line) => line.includes('\n')) &&
        !whole.includes('\n')
      )
        return whole
    }
  }
  return `${start}${open}${indentation}  ${lines.join(`,${indentation}  `)}${indentation}${close}`
}

/** Returns how many levels of objects `value` nests, as far as `util.inspect` shows them. */
function deepest(context: Context, value: unknown, level = context.level): number {
  if (typeof value !== 'object' || value === null || level > context.depth || level - context.level > 5)
    return 0
  let most = 0
  const items: Iterable<unknown> =
    value instanceof Map || value instanceof Set
      ? value.values()
      : Object.keys(value)
          .slice(0, 200)
          .map((key) => Object.getOwnPropertyDescriptor(value, key)?.value as unknown)
  for (const item of items)
    if (typeof item === 'object' && item !== null && !context.path.includes(item))
      most = Math.max(most, deepest(context, item, level + 1))
  return most + 1
}

/** `util.inspect`: arranges the printed items of a long list in columns. */
function columns(context: Context, output: string[], value: object): string[] {
  const more =
    Array.isArray(value) && output.at(-1)?.includes(' more item') === true ? [output.at(-1) as string] : []
  const items = more.length > 0 ? output.slice(0, -1) : output
  const lengths = items.map((item) => bare(item) + 2)
  const longest = Math.max(...lengths)
  const total = lengths.reduce((sum, length) => sum + length, 0)
  if (longest * 3 + context.indentation >= context.breakLength || (total / longest <= 5 && longest > 8))
    return output
  // `util.inspect` prints a list as about a square: a character is two and a half times as high as wide.
  const width = Math.max(longest - 3 - Math.sqrt(longest - total / output.length), 1)
  const count = Math.min(
    Math.round(Math.sqrt(2.5 * width * items.length) / width),
    Math.floor((context.breakLength - context.indentation) / longest),
    Number(context.compact) * 4,
    15,
  )
  if (count <= 1) return output
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...lengths.filter((_length, at) => at % count === column)),
  )
  // oxlint-disable-next-line no-control-regex -- colours
  const isNumeric = items.every((item) => /^(\u001b\[\d+m)?-?[\d.e+]+n?(\u001b\[\d+m)?$/.test(item))
  const lines: string[] = []
  for (let at = 0; at < items.length; at += count) {
    const row = items.slice(at, at + count)
    lines.push(
      row
        .map((item, column) => {
          const isLast = column === row.length - 1
          const text = isLast ? item : `${item}, `
          const pad = ' '.repeat(Math.max((widths[column] as number) - (isLast ? 2 : 0) - bare(text), 0))
          return isNumeric ? pad + text : isLast ? text : text + pad
        })
        .join(''),
    )
  }
  return [...lines, ...more]
}
