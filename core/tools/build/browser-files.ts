/**
 * A package's `browser` field may replace a file by one that needs a web page. Workers and isolates have no
 * document, so for them a build takes the package's original file.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Plugin } from 'rolldown'
import { packageFolder } from './native-packages.ts'
import {
  children,
  isClass,
  isFunction,
  nameOf,
  parse,
  sourceOf,
  walk,
  type ESTree,
  type Node,
} from './syntax.ts'

/** Names of global classes that exist in web pages only. */
const CLASSES = ['DOMParser', 'XMLSerializer', 'XMLHttpRequest', 'FileReader', 'MutationObserver', 'Image']
/** Name of the global `document`, which exists in web pages only. */
const DOCUMENT = 'document'

const MENTION = new RegExp(String.raw`\bnew\s+(?:${CLASSES.join('|')})\b|\b${DOCUMENT}\s*\.`)
/**
 * Prefix of a specifier that imports the file which a `browser` field replaces: the bundler would map the
 * plain path to the browser file again.
 */
const ORIGINAL = 'unmoor-original:'

/**
 * Bundler plugin that swaps a package's browser file, if that needs a web page, for the file that it
 * replaces. Browser files of a package that import each other were written for each other, so those which
 * import a swapped one are swapped too; they are looked for among files with `browser` in their path.
 */
export function browserFilesPlugin(): Plugin[] {
  const handler = async (code: string, id: string): Promise<{ code: string; map: null } | null> => {
    const original = originalOf(id)
    if (original === undefined) return null
    const { program } = await parse(id, code)
    if (!needsPage(program) && !(await importsSwapped(program, id, [id]))) return null
    const other = (await parse(original, await readFile(original, 'utf8'))).program
    if (needsPage(other)) return null
    return { code: standsFor(original, { module: isModule(program), other }), map: null }
  }
  return [
    {
      name: 'unmoor:browser-files',
      resolveId: {
        filter: { id: new RegExp(`^${ORIGINAL}`) },
        handler: (source) => source.slice(ORIGINAL.length),
      },
      transform: { filter: { code: MENTION, id: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, handler },
    },
    {
      name: 'unmoor:browser-pairs',
      transform: { filter: { id: /[\\/]node_modules[\\/].*browser.*\.[cm]?js$/ }, handler },
    },
  ]
}

/**
 * True if a browser file imports one that is swapped for its original, also through others of its package.
 */
async function importsSwapped(program: ESTree.Program, file: string, seen: string[]): Promise<boolean> {
  for (const specifier of relativeImports(program)) {
    const path = fileAt(join(dirname(file), specifier))
    const target = path === undefined ? undefined : replacementOf(path)
    const original = target === undefined ? undefined : originalOf(target)
    if (target === undefined || original === undefined || seen.includes(target)) continue
    seen.push(target)
    const own = (await parse(target, await readFile(target, 'utf8'))).program
    if (!needsPage(own) && !(await importsSwapped(own, target, seen))) continue
    if (!needsPage((await parse(original, await readFile(original, 'utf8'))).program)) return true
  }
  return false
}

/** Lists the relative specifiers of a module's static imports, re-exports and calls of `require`. */
function relativeImports(program: ESTree.Program): string[] {
  const found: string[] = []
  for (const statement of program.body) {
    const source = sourceOf(statement)
    if (source !== undefined) found.push(source.value)
  }
  walk(program, (node) => {
    if (node.type !== 'CallExpression' || nameOf(node.callee) !== 'require') return
    const [given] = node.arguments
    if (given?.type === 'Literal' && typeof given.value === 'string') found.push(given.value)
  })
  return found.filter((specifier) => specifier.startsWith('.'))
}

/**
 * The original file of a package that `file` replaces according to its package's `browser` field; undefined
 * if `file` replaces nothing.
 */
function originalOf(file: string): string | undefined {
  return replacements(file).find(([, browser]) => browser === file)?.[0]
}

/**
 * True for a file that its package's `browser` field replaces. A bundle has such a file only where it was
 * swapped back.
 */
export function isReplaced(file: string): boolean {
  return replacements(file).some(([original]) => original === file)
}

/** The file that replaces `file` according to its package's `browser` field; `file` itself if none does. */
function replacementOf(file: string): string {
  return replacements(file).find(([original]) => original === file)?.[1] ?? file
}

/** The pairs of files in the `browser` field of the package that has `file`. */
function replacements(file: string): [original: string, browser: string][] {
  const folder = packageFolder(file)
  if (folder === undefined || !existsSync(join(folder, 'package.json'))) return []
  const { browser } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { browser?: unknown }
  if (typeof browser !== 'object' || browser === null) return []
  const pairs: [string, string][] = []
  for (const [name, other] of Object.entries(browser as Record<string, unknown>)) {
    if (!name.startsWith('.') || typeof other !== 'string') continue
    const [from, to] = [fileAt(join(folder, name)), fileAt(join(folder, other))]
    if (from !== undefined && to !== undefined) pairs.push([from, to])
  }
  return pairs
}

/** Resolves a path in a package's `browser` field to a file; the file's extension may be left out. */
function fileAt(path: string): string | undefined {
  return ['', '.js', '.cjs', '.mjs', '/index.js']
    .map((ending) => path + ending)
    .find((file) => existsSync(file) && statSync(file).isFile())
}

function standsFor(file: string, { module, other }: { module: boolean; other: ESTree.Program }): string {
  const from = JSON.stringify(ORIGINAL + file)
  if (!module) return `module.exports = require(${from})\n`
  const hasDefault = !isModule(other) || other.body.some(exportsDefault)
  return `export * from ${from}\n${hasDefault ? `export { default } from ${from}\n` : ''}`
}

function isModule({ body }: ESTree.Program): boolean {
  return body.some(({ type }) => /^(?:Import|Export\w+)Declaration$/.test(type))
}

function exportsDefault(statement: Node): boolean {
  if (statement.type === 'ExportDefaultDeclaration') return true
  return (
    statement.type === 'ExportNamedDeclaration' &&
    statement.specifiers.some(
      ({ exported }) => (exported.type === 'Literal' ? exported.value : exported.name) === 'default',
    )
  )
}

/**
 * True if a module uses a class of web pages or `document` without a check. A `typeof`, the name in a string
 * or as a property, and a `try` around the use count as checks.
 */
function needsPage(program: ESTree.Program): boolean {
  const used = new Set(uses(program, false))
  if (used.size === 0) return false
  walk(program, (node) => {
    for (const name of [...asked(node), ...declared(node)]) used.delete(name)
  })
  return used.size > 0
}

function* uses(node: Node, caught: boolean): Generator<string> {
  const name = caught ? undefined : usedName(node)
  if (name !== undefined) yield name
  for (const child of children(node)) {
    const isTried = node.type === 'TryStatement' && node.handler !== null && child === node.block
    yield* uses(child, isTried || (caught && !isFunction(node)))
  }
}

function usedName(node: Node): string | undefined {
  if (node.type === 'NewExpression') {
    const name = nameOf(node.callee)
    return name !== undefined && CLASSES.includes(name) ? name : undefined
  }
  return node.type === 'MemberExpression' && nameOf(node.object) === DOCUMENT ? DOCUMENT : undefined
}

function asked(node: Node): string[] {
  if (node.type === 'UnaryExpression' && node.operator === 'typeof') return names(node.argument)
  if (node.type === 'Literal') return typeof node.value === 'string' ? [node.value] : []
  return node.type === 'MemberExpression' ? names(node.property) : []
}

/**
 * Names that a syntax node declares. Scopes are ignored: one local declaration with the name of a web page's
 * class, anywhere in the module, counts as a check.
 */
function declared(node: Node): string[] {
  switch (node.type) {
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
      return names(node.local)
    case 'VariableDeclarator':
      return [...identifiers(node.id)]
    default:
      if (isClass(node)) return node.id === null ? [] : names(node.id)
      if (!isFunction(node)) return []
      return [...names(node.id), ...node.params.flatMap((parameter) => [...identifiers(parameter)])]
  }
}

function names(node: Node | null): string[] {
  const name = nameOf(node)
  return name === undefined ? [] : [name]
}

function* identifiers(node: Node): Generator<string> {
  yield* names(node)
  for (const child of children(node)) yield* identifiers(child)
}
