import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { findNodeAtLocation, type Node, parseTree, printParseErrorCode, type ParseError, getNodeValue } from 'jsonc-parser'
import { parse as parseToml, TomlError } from 'smol-toml'
import { UnmoorError } from '../../errors.ts'

/** A path within a wrangler file, such as `['kv_namespaces', 0, 'binding']`. */
export type KeyPath = readonly (string | number)[]

/** A wrangler file as it was read; nothing is checked yet. */
export interface WranglerFile {
  /** Absolute. */
  readonly path: string
  /** Absolute path of its folder, which its own paths start from. */
  readonly dir: string
  readonly content: Readonly<Record<string, unknown>>
  /** `wrangler.jsonc:12, kv_namespaces[0].binding`: the file, the line where that is known, and the key. */
  where(key: KeyPath): string
}

/** Names that wrangler looks for, in its order. */
export const WRANGLER_FILES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml'] as const

/** The wrangler file of a folder, absolute; undefined where there is none. */
export function findWranglerFile(dir: string): string | undefined {
  const name = WRANGLER_FILES.find((file) => existsSync(resolve(dir, file)))
  return name === undefined ? undefined : resolve(dir, name)
}

/** Reads a wrangler file. @throws `NotFound` without it, `InvalidArgument` (operation `config`) with its line where it is malformed. */
export async function readWranglerFile(path: string): Promise<WranglerFile> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UnmoorError('NotFound', `There is no wrangler file ${path}. Name it: --worker path/to/wrangler.jsonc`, { operation: 'config', cause })
  })
  return path.endsWith('.toml') ? readToml(path, text) : readJson(path, text)
}

function readJson(path: string, text: string): WranglerFile {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true })
  const name = basename(path)
  const line = (offset: number): number => text.slice(0, offset).split('\n').length
  const [error] = errors
  if (error !== undefined) throw malformed(`${name}:${line(error.offset)}: ${printParseErrorCode(error.error)}.`)
  const content: unknown = root === undefined ? undefined : getNodeValue(root)
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw malformed(`${name}: it must hold an object.`)
  return {
    path,
    dir: dirname(path),
    content: content as Record<string, unknown>,
    where(key) {
      const node = findNode(root as Node, key)
      return `${name}${node === undefined ? '' : `:${line(node.offset)}`}, ${printKey(key)}`
    },
  }
}

/** The property's own node, so that a missing value still has a line: that of what should hold it. */
function findNode(root: Node, key: KeyPath): Node | undefined {
  for (let length = key.length; length > 0; length--) {
    const node = findNodeAtLocation(root, key.slice(0, length))
    if (node !== undefined) return node.parent?.type === 'property' ? node.parent : node
  }
  return undefined
}

function readToml(path: string, text: string): WranglerFile {
  const name = basename(path)
  let content: Record<string, unknown>
  try {
    content = parseToml(text)
  } catch (cause) {
    if (cause instanceof TomlError) throw malformed(`${name}:${cause.line}: ${cause.message.split('\n')[0]}`, cause)
    throw cause
  }
  const lines = text.split('\n')
  return {
    path,
    dir: dirname(path),
    content,
    where(key) {
      const line = tomlLine(lines, key)
      return `${name}${line === undefined ? '' : `:${line}`}, ${printKey(key)}`
    },
  }
}

/** The line of a key, by reading headers and keys from the top: TOML's parser keeps no positions. Inline tables give the line that they stand on. */
function tomlLine(lines: readonly string[], key: KeyPath): number | undefined {
  const counts = new Map<string, number>()
  let table = ''
  let best: { line: number; length: number } | undefined
  const offer = (path: string, line: number): void => {
    const printed = printKey(key)
    if ((printed === path || printed.startsWith(`${path}.`) || printed.startsWith(`${path}[`)) && path.length > (best?.length ?? 0))
      best = { line, length: path.length }
  }
  for (const [index, line] of lines.entries()) {
    const many = /^\s*\[\[\s*([^\]]+?)\s*\]\]/.exec(line)
    const one = /^\s*\[\s*([^[\]]+?)\s*\]/.exec(line)
    if (many !== null) {
      const header = many[1] as string
      const count = counts.get(header) ?? 0
      counts.set(header, count + 1)
      table = `${header}[${count}]`
    } else if (one !== null) table = one[1] as string
    const own = many === null && one === null ? /^\s*"?([\w$-]+)"?\s*=/.exec(line)?.[1] : undefined
    if (many !== null || one !== null) offer(table, index + 1)
    else if (own !== undefined) offer(table === '' ? own : `${table}.${own}`, index + 1)
  }
  return best?.line
}

/** `kv_namespaces[0].binding`. */
export function printKey(key: KeyPath): string {
  return key.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

function malformed(message: string, cause?: unknown): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config', cause })
}
