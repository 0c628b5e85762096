import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import {
  findNodeAtLocation,
  type Node,
  parseTree,
  printParseErrorCode,
  type ParseError,
  getNodeValue,
} from 'jsonc-parser'
import { parse as parseToml, TomlError } from 'smol-toml'
import type { Log } from '../../../adapter.ts'
import { UnmoorError } from '../../../errors.ts'

/** A path within a wrangler file, such as `['kv_namespaces', 0, 'binding']`. */
export type KeyPath = readonly (string | number)[]

/** A parsed wrangler file, not yet checked. */
export interface WranglerFile {
  /** Absolute path of the wrangler file. */
  readonly path: string
  /** Absolute path of the wrangler file's folder, at which its relative paths start. */
  readonly dir: string
  readonly content: Readonly<Record<string, unknown>>
  /**
   * Formats the place of a key for messages: file, line if known, and key, as in
   * `wrangler.jsonc:12, kv_namespaces[0].binding`.
   */
  where(key: KeyPath): string
}

/** File names that wrangler looks for, in its order. */
export const WRANGLER_FILES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml'] as const

/** Absolute path of the wrangler file in a folder; undefined if there is none. */
export function findWranglerFile(dir: string): string | undefined {
  const name = WRANGLER_FILES.find((file) => existsSync(resolve(dir, file)))
  return name === undefined ? undefined : resolve(dir, name)
}

/**
 * Path of a file, relative to the wrangler file's folder, in which a build such as Vite's names the wrangler
 * file that it generated.
 */
const REDIRECT = join('.wrangler', 'deploy', 'config.json')

/**
 * Reads a wrangler file, given by its path or by its folder. If a build has generated another one
 * (`.wrangler/deploy/config.json`), that file is read, as `wrangler deploy` does.
 *
 * @throws `NotFound` if there is no wrangler file; `InvalidArgument` (operation `config`), with the line, if
 * it is malformed.
 */
export async function readWranglerFile(
  named: string,
  options: { log?: Log | undefined; optional?: boolean } = {},
): Promise<WranglerFile> {
  const path = await followRedirect(named, options.log)
  if (options.optional === true && !existsSync(path) && isFolder(named)) return withoutFile(named)
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UnmoorError(
      'NotFound',
      `There is no wrangler file ${path}. Name it: --worker path/to/wrangler.jsonc`,
      { operation: 'config', cause },
    )
  })
  return path.endsWith('.toml') ? readToml(path, text) : readJson(path, text)
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** Settings of a Worker without a wrangler file, as in `wrangler dev module.ts`: its name is the folder's. */
function withoutFile(dir: string): WranglerFile {
  return {
    path: join(dir, 'wrangler.jsonc'),
    dir,
    content: { name: basename(dir), compatibility_date: new Date().toISOString().slice(0, 10) },
    where: printKey,
  }
}

async function followRedirect(named: string, log: Log | undefined): Promise<string> {
  const isRedirect = named.endsWith(REDIRECT)
  const redirect = isRedirect ? named : join(isFolder(named) ? named : dirname(named), REDIRECT)
  const text = await readFile(redirect, 'utf8').catch(() => undefined)
  const found = isFolder(named) ? findWranglerFile(named) : named
  if (text === undefined) return found ?? join(named, 'wrangler.jsonc')
  const target = (readJson(redirect, text).content as { configPath?: unknown }).configPath
  if (typeof target !== 'string')
    throw malformed(`${redirect}: configPath is the path of the wrangler file that a build wrote.`)
  const path = resolve(dirname(redirect), target)
  if (!existsSync(path))
    throw malformed(`${redirect}: there is no file ${path}. Run the build that writes it again.`)
  if (path !== found && !isRedirect)
    log?.warn(`${REDIRECT} leads to ${path}: that is built, as wrangler deploy does.`)
  return path
}

function readJson(path: string, text: string): WranglerFile {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true })
  const name = basename(path)
  const line = (offset: number): number => text.slice(0, offset).split('\n').length
  const [error] = errors
  if (error !== undefined)
    throw malformed(`${name}:${line(error.offset)}: ${printParseErrorCode(error.error)}.`)
  const content: unknown = root === undefined ? undefined : getNodeValue(root)
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw malformed(`${name}: it must hold an object.`)
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

/**
 * The syntax node of a key in a wrangler.json, or of the nearest object that should contain it, so that a
 * missing key still has a line.
 */
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
    if (cause instanceof TomlError)
      throw malformed(`${name}:${cause.line}: ${cause.message.split('\n')[0]}`, cause)
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

/** Endings that may complete a TOML text that is cut off after some line. */
const CLOSINGS = ['', ']', '}', '}]', ']]', ']}', '"""', "'''"] as const

/**
 * Line of a key in a wrangler.toml, or of the innermost table that should contain it. TOML's parser keeps no
 * positions, so growing prefixes of the file are parsed until the key appears.
 */
function tomlLine(lines: readonly string[], key: KeyPath): number | undefined {
  let best: { line: number; depth: number } | undefined
  for (let line = 1; line <= lines.length && best?.depth !== key.length; line++) {
    const content = parseBeginning(lines.slice(0, line).join('\n'))
    const depth = content === undefined ? 0 : depthOf(content, key)
    if (depth > (best?.depth ?? 0)) best = { line, depth }
  }
  return best?.line
}

function parseBeginning(text: string): unknown {
  for (const closing of CLOSINGS) {
    try {
      return parseToml(`${text}\n${closing}\n`)
    } catch {
      // Another ending may complete the cut-off TOML text, or the following lines may.
    }
  }
  return undefined
}

/** Number of leading steps of a key path that exist in a wrangler file's content. */
function depthOf(content: unknown, key: KeyPath): number {
  let value = content
  for (const [depth, step] of key.entries()) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return depth
    value = (value as Record<string | number, unknown>)[step]
  }
  return key.length
}

/** Formats the path of a wrangler file's key, as in `kv_namespaces[0].binding`. */
export function printKey(key: KeyPath): string {
  return key
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('')
}

function malformed(message: string, cause?: unknown): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config', cause })
}
