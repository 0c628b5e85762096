/**
 * `node:path` in an isolate: POSIX paths with Node's answers. `path.win32` throws where it is called, since
 * an isolate meets no Windows paths.
 */
import { refused } from './refused.ts'

/** The parts of a path, as `path.parse` returns them. */
export interface ParsedPath {
  root: string
  dir: string
  base: string
  ext: string
  name: string
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value
  throw wrongType(name, 'string', value)
}

function wrongType(name: string, type: string, value: unknown): TypeError {
  const given = value === null || value === undefined ? String(value) : `type ${typeof value}`
  const error = new TypeError(`The "${name}" argument must be of type ${type}. Received ${given}`)
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' })
}

/** Resolves the segments `.`, `..` and empty ones of a path. A relative path may begin with `..`. */
function segments(path: string, isRelative: boolean): string[] {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') kept.push(segment)
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop()
    else if (isRelative) kept.push('..')
  }
  return kept
}

export const sep = '/'
export const delimiter = ':'

/** Resolves paths from right to left to an absolute one; the current folder is `/`. */
export function resolve(...paths: string[]): string {
  let resolved = ''
  for (let index = paths.length - 1; index >= 0 && !resolved.startsWith('/'); index--) {
    const path = text(paths[index], `paths[${index}]`)
    if (path !== '') resolved = resolved === '' ? path : `${path}/${resolved}`
  }
  return `/${segments(resolved, false).join('/')}`
}

export function normalize(path: string): string {
  if (text(path, 'path') === '') return '.'
  const root = path.startsWith('/') ? '/' : ''
  const kept = segments(path, root === '').join('/')
  if (kept === '') return root === '/' ? '/' : path.endsWith('/') ? './' : '.'
  return `${root}${kept}${path.endsWith('/') ? '/' : ''}`
}

export function isAbsolute(path: string): boolean {
  return text(path, 'path').startsWith('/')
}

export function join(...paths: string[]): string {
  return normalize(paths.filter((path) => text(path, 'path') !== '').join('/'))
}

export function relative(from: string, to: string): string {
  text(from, 'from')
  text(to, 'to')
  const start = segments(resolve(from), false)
  const end = segments(resolve(to), false)
  let common = 0
  while (common < start.length && common < end.length && start[common] === end[common]) common++
  return [...start.slice(common).map(() => '..'), ...end.slice(common)].join('/')
}

export function toNamespacedPath(path: string): string {
  return path
}

/** Returns the position after a path's last character that is no slash at its end; 0 for slashes alone. */
function endOf(path: string): number {
  let end = path.length
  while (end > 0 && path[end - 1] === '/') end--
  return end
}

export function dirname(path: string): string {
  text(path, 'path')
  const slash = path.lastIndexOf('/', endOf(path) - 1)
  if (endOf(path) === 0 || slash < 0) return path.startsWith('/') ? '/' : '.'
  if (slash === 0) return '/'
  // If several slashes come before the last segment, only the last of them goes, as on Node.
  return slash === 1 && path.startsWith('//') ? '//' : path.slice(0, slash)
}

export function basename(path: string, suffix?: string): string {
  if (suffix !== undefined) text(suffix, 'suffix')
  const end = endOf(text(path, 'path'))
  const start = end === 0 ? 0 : path.lastIndexOf('/', end - 1) + 1
  const base = path.slice(start, end)
  if (suffix === undefined || suffix === '' || suffix.length > path.length) return base
  if (suffix === path) return ''
  // Node compares from the end and leaves the slashes there if the name ends within the suffix.
  if (base.length < suffix.length && suffix.endsWith(base)) return path.slice(start)
  return base !== suffix && base.endsWith(suffix) ? base.slice(0, -suffix.length) : base
}

export function extname(path: string): string {
  const base = basename(path)
  const dot = base.lastIndexOf('.')
  return dot <= 0 || base === '..' ? '' : base.slice(dot)
}

export function parse(path: string): ParsedPath {
  const root = isAbsolute(path) ? '/' : ''
  const end = endOf(path)
  const slash = end === 0 ? -1 : path.lastIndexOf('/', end - 1)
  const start = slash > 0 ? slash + 1 : root.length
  const base = path.slice(start, Math.max(start, end))
  const dot = base.lastIndexOf('.')
  // For Node the name of `/..` is `.`, and its extension too.
  const hasExtension = dot > 0 && (base !== '..' || (slash === 0 && root === '/'))
  return {
    root,
    dir: slash > 0 ? path.slice(0, slash) : root,
    base,
    ext: hasExtension ? base.slice(dot) : '',
    name: hasExtension ? base.slice(0, dot) : base,
  }
}

export function format(path: Partial<ParsedPath>): string {
  if (typeof path !== 'object' || path === null || Array.isArray(path))
    throw wrongType('pathObject', 'object', path)
  const { root, name = '', ext = '' } = path
  const folder = path.dir || root
  const dotted = ext === '' || ext.startsWith('.') ? ext : `.${ext}`
  const base = path.base || `${name}${dotted}`
  if (folder === undefined || folder === '') return base
  return folder === root ? `${folder}${base}` : `${folder}/${base}`
}

export const matchesGlob: (...args: never[]) => never = /* @__PURE__ */ refused('path', 'matchesGlob')
export const _makeLong = toNamespacedPath

const functions = {
  resolve,
  normalize,
  isAbsolute,
  join,
  relative,
  toNamespacedPath,
  dirname,
  basename,
  extname,
  format,
  parse,
  matchesGlob,
  _makeLong,
}
export const win32 = /* @__PURE__ */ Object.fromEntries([
  ['sep', '\\'],
  ['delimiter', ';'],
  ...Object.keys(functions).map((name) => [name, refused('path.win32', name)]),
]) as Readonly<Record<string, unknown>>
export const posix: Readonly<Record<string, unknown>> = { sep, delimiter, ...functions, win32 }
Object.assign(posix, { posix })
export default posix
export { posix as 'module.exports' }
